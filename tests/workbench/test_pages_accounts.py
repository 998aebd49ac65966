"""Signing in and out, and the pages for what went wrong."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from workbench.views import errors

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def ada(sign_in):
    """A person with a password; sign_in clears the way of static files."""
    return User.objects.create_user("ada", password=PASSWORD)


def try_password(client, password, username="ada", **more):
    return client.post(reverse("sign-in"), {"username": username, "password": password, **more})


def test_a_wrong_password_lets_nobody_in(ada):
    client = Client()
    assert "Please enter a correct username" in try_password(client, "wrong").content.decode()
    assert client.get("/datasets/").status_code == 302


def test_guessing_is_stopped_for_that_name_alone(ada):
    client = Client()
    User.objects.create_user("bob", password=PASSWORD)
    for _ in range(10):
        answer = try_password(client, "wrong")
    assert answer.status_code == 429
    assert "Too many attempts" in answer.content.decode()
    assert try_password(client, PASSWORD).status_code == 429
    assert try_password(client, PASSWORD, "bob").status_code == 302


def test_signing_in_leads_where_one_wanted_to_go_and_nowhere_else(ada):
    wanted = try_password(Client(), PASSWORD, next="/jobs/")
    astray = try_password(Client(), PASSWORD, next="https://example.org/")
    assert (wanted["Location"], astray["Location"]) == ("/jobs/", "/")


def test_cookies_have_our_own_names(ada):
    client = Client()
    client.get(reverse("sign-in"))
    try_password(client, PASSWORD)
    assert set(client.cookies) == {"seedbed_session", "seedbed_csrf"}
    assert client.cookies["seedbed_session"]["httponly"]


def test_signing_out_is_no_link(ada):
    client = Client()
    try_password(client, PASSWORD)
    assert client.get(reverse("sign-out")).status_code == 405
    assert client.post(reverse("sign-out"))["Location"] == reverse("sign-in")


def test_a_new_password_needs_the_old_one_and_some_strength(ada):
    client = Client()
    try_password(client, PASSWORD)
    sent = {"old_password": PASSWORD, "new_password1": "12345", "new_password2": "12345"}
    assert "too short" in client.post(reverse("password"), sent).content.decode()
    sent |= {"new_password1": "staple the horse", "new_password2": "staple the horse"}
    assert client.post(reverse("password"), sent).status_code == 302
    assert try_password(Client(), "staple the horse").status_code == 302


def test_a_page_that_is_swapped_in_never_becomes_the_sign_in_form(ada):
    answer = Client().get("/jobs/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Refresh"]) == (401, "true")


@pytest.mark.parametrize(
    ("page", "status", "words"),
    [
        (lambda request: errors.bad_request(request, ValueError()), 400, "made no sense"),
        (lambda request: errors.forbidden(request, PermissionError()), 403, "may not do this"),
        (lambda request: errors.not_found(request, KeyError()), 404, "nothing at this address"),
        (errors.server_error, 500, "broke on our side"),
        (errors.csrf_failure, 403, "out of date"),
    ],
)
def test_error_pages_stand_without_the_database(page, status, words, rf, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = page(rf.get("/"))
    assert answer.status_code == status
    assert words in answer.content.decode()


@pytest.mark.parametrize("path", ["/nothing", "/datasets/77/"])
def test_a_lost_person_gets_our_page(path, sign_in):
    answer = sign_in("annotator").get(path)
    assert answer.status_code == 404
    assert "Back to the datasets" in answer.content.decode()


@pytest.mark.parametrize(
    "path", ["/sign-in", "/datasets/", "/nothing", "/admin/", "/api/datasets", "/healthz"]
)
def test_every_answer_carries_the_strict_policy(path, sign_in):
    policy = sign_in("root").get(path)["Content-Security-Policy"]
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= set(policy.split("; "))


@pytest.mark.parametrize(("staff", "links"), [(False, 0), (True, 1)])
def test_administration_is_offered_to_staff_alone(staff, links, sign_in):
    client = sign_in("admin")
    User.objects.update(is_staff=staff)
    assert client.get("/datasets/").content.decode().count("Administration</a>") == links
