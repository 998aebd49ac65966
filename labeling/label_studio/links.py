"""Addresses in Label Studio for people: a one-time link that signs them in, or a project's plain address.

The embedded server's launcher understands the tokens that are made here; see launcher/seedbed_views.py.
"""

import base64
import hmac
import json
from datetime import datetime
from urllib.parse import quote

LIFE_S = 60


def open_url(shared_key: str, base_url: str, email: str, ls_id: int, now: datetime, nonce: str) -> str:
    """Return a link that, within a minute and once, signs the person in and lands in the project's queue."""
    claims = {"email": email, "expires": now.timestamp() + LIFE_S, "nonce": nonce, "project": ls_id}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=")
    signature = hmac.digest(shared_key.encode(), body, "sha256")
    token = f"{body.decode()}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    return f"{base_url.rstrip('/')}/seedbed/open?t={quote(token)}"


def project_url(base_url: str, ls_id: int) -> str:
    """Return the project's page: for a server without our launcher.

    Not its labeling address: that one would serve tasks by id, past sampling and locks, until the person has
    pressed "Label All Tasks" once on this page.
    """
    return f"{base_url.rstrip('/')}/projects/{ls_id}/data"
