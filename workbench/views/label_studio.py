"""The way from a dataset into Label Studio."""

import secrets

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from labeling.label_studio import links, server
from labeling.models import LabelProject
from labeling.services.connection import Connection, connection
from workbench.views import access
from workbench.views.contexts import labels


@never_cache
@require_safe
def label(request: HttpRequest, pk: int) -> HttpResponseRedirect:
    """Lead a person to the dataset's queue, signed in where the server is ours."""
    row = access.dataset(request, pk)
    state, studio, project = labels.studio_state(row), connection(), labels.project_to_label(row)
    if not state.ready or studio is None or project is None:
        messages.error(request, state.sentence)
        return redirect("dataset", row.pk)
    return HttpResponseRedirect(_address(studio, project, _email(request.user)))


def _address(studio: Connection, project: LabelProject, email: str) -> str:
    keys = server.read_secrets(settings.LABEL_STUDIO_DIR) if studio.embedded else None
    if keys is None:
        return links.project_url(studio.public_url, project.ls_id)
    now, nonce = timezone.now(), secrets.token_urlsafe(16)
    return links.open_url(keys.shared_key, studio.public_url, email, project.ls_id, now, nonce)


def _email(person: AbstractBaseUser | AnonymousUser) -> str:
    """Label Studio knows people by e-mail address; who has none gets one that no mail reaches."""
    given = getattr(person, "email", "")
    return str(given or f"{person.get_username()}@people.localhost").lower()
