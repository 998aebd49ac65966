"""Sign-on by one-time link, accounts for people, and the labelling queue's mode.

A token is base64url(JSON) + "." + base64url(HMAC-SHA256 of the first part).  The JSON holds `email`,
`expires` (Unix seconds), `nonce` and `project`.
"""

import base64
import hashlib
import hmac
import json
import os
import time
from pathlib import Path

from django.contrib.auth import login
from django.db import transaction
from django.http import HttpResponse, HttpResponseForbidden, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

KEY = os.environ["SEEDBED_SHARED_KEY"].encode()
LIFE_S = 60
NONCES = Path(os.environ["LABEL_STUDIO_BASE_DATA_DIR"]) / "seedbed-nonces"
PAGE = """<!doctype html><meta charset="utf-8"><title>Opening the queue</title>
<script>localStorage.setItem("dm:labelstream:mode", "all"); location.replace("/projects/%d/data?labeling=1")</script>
<noscript>Label Studio needs JavaScript.</noscript>"""


class BadToken(Exception):
    """The message says what is wrong, without telling a stranger anything."""


def _unpack(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _redeem(token):
    """Return what the token says; each token opens the door once, within its minute."""
    try:
        body, signature = token.split(".")
        genuine = hmac.compare_digest(_unpack(signature), hmac.digest(KEY, body.encode(), "sha256"))
        claims = json.loads(_unpack(body)) if genuine else {}
    except ValueError:
        raise BadToken("This link is not genuine.") from None
    if not claims:
        raise BadToken("This link is not genuine.")
    now = time.time()
    if not now <= claims["expires"] <= now + LIFE_S:
        raise BadToken("This link has expired. Go back and click again.")
    _spend(claims["nonce"], now)
    return claims


def _spend(nonce, now):
    """Refuse a nonce that was seen before: creating a file is atomic over threads, processes and restarts."""
    NONCES.mkdir(exist_ok=True, mode=0o700)
    try:
        os.close(os.open(NONCES / hashlib.sha256(nonce.encode()).hexdigest(), os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise BadToken("This link was used already. Go back and click again.") from None
    for old in NONCES.iterdir():
        if old.stat().st_mtime < now - 3 * LIFE_S:
            old.unlink(missing_ok=True)


def _account(email):
    """Return the person's account, made at the first visit; it has no password and belongs to the one team."""
    from organizations.models import Organization
    from users.models import User

    with transaction.atomic():
        user, new = User.objects.get_or_create(email=email.lower(), defaults={"username": email.lower()[:150]})
        if user.is_superuser:
            raise BadToken("This account signs in with its password only.")
        if new:
            user.set_unusable_password()
        team = Organization.objects.first()
        user.active_organization = team
        user.save()
        team.add_user(user)
    return user


@require_GET
@never_cache
def open_queue(request):
    """Sign the person in and land in the project's labelling queue.

    Without the key in localStorage the deep link would use the data manager's order: by id, sampling and locks ignored.
    """
    try:
        claims = _redeem(request.GET.get("t", ""))
        user = _account(claims["email"])
    except BadToken as error:
        return HttpResponseForbidden(str(error), content_type="text/plain")
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    request.session["last_login"] = time.time()  # Label Studio's time-out for idle sessions counts from here
    return HttpResponse(PAGE % int(claims["project"]), headers={"Referrer-Policy": "no-referrer"})


def no_tips(request):
    """Stand in for a route that would fetch texts from another host at each page, for which there is no setting."""
    return JsonResponse({}, status=404)
