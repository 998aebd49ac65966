"""The first account: without it nobody could sign in to make others."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from django.contrib.auth.models import User

FILE = "first-sign-in.json"


@dataclass(frozen=True)
class SignIn:
    username: str
    password: str


def ensure_admin(folder: Path) -> SignIn | None:
    """Make the account `admin` where there is no administrator; its sign-in while the first password holds.

    The password lies in a file of the state folder that only its owner can read.
    """
    if User.objects.filter(is_superuser=True).exists():
        return _standing(folder)
    first = SignIn("admin", secrets.token_urlsafe(9))
    draft = folder / f"{FILE}.{os.getpid()}"
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(asdict(first), out)
    User.objects.create_superuser(first.username, password=first.password)
    draft.replace(folder / FILE)
    return first


def _standing(folder: Path) -> SignIn | None:
    try:
        first = SignIn(**json.loads((folder / FILE).read_text()))
    except FileNotFoundError:
        return None
    user = User.objects.filter(username=first.username, is_active=True).first()
    return first if user is not None and user.check_password(first.password) else None
