"""The JSON API: the pages' own contexts as JSON, for whoever is signed in on the pages.

Sign-in is the session's; a change needs the CSRF token in the header X-CSRFToken, as from the pages.
"""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.security import django_auth

from workbench.api import (
    advice,
    annotators,
    compare,
    curves,
    datasets,
    features,
    jobs,
    planning,
    quality,
    registry,
    retraining,
    rounds,
    runs,
    studies,
)

api = NinjaAPI(title="Seedbed", version="1", auth=django_auth, urls_namespace="api", description=__doc__)
for part in (
    datasets,
    annotators,
    rounds,
    quality,
    runs,
    compare,
    registry,
    retraining,
    curves,
    planning,
    features,
    studies,
    advice,
    jobs,
):
    api.add_router("", part.router)


@api.exception_handler(PermissionDenied)
def forbidden(request: HttpRequest, exception: PermissionDenied) -> HttpResponse:
    return api.create_response(request, {"detail": "Your account may not do this."}, status=403)
