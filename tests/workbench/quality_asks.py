"""Asks for a dataset's page of quality, and for what the JSON API says of it."""

from django.urls import reverse


def text(client, dataset, **query):
    answer = client.get(reverse("quality", args=[dataset.pk]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def told(client, dataset, **query):
    answer = client.get(reverse("api:quality", args=[dataset.pk]), query)
    assert answer.status_code == 200
    return answer.json()
