"""Quick questions to a Label Studio, by the standard library alone: cheap enough to ask every few seconds."""

import json
from datetime import datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from labeling.label_studio.shapes import Counts

TIMEOUT_S = 5.0


class NoPulse(Exception):
    """The server does not answer, or not as Label Studio would; the message is a sentence for a person."""


def alive(base_url: str) -> bool:
    """Say whether a Label Studio answers at the address; it may still refuse our key."""
    try:
        return bool(_get(base_url, "/health", {}).get("status") == "UP")
    except NoPulse:
        return False


def authorization(base_url: str, api_key: str) -> dict[str, str]:
    """Return the header that carries the key, of either kind.

    A key with two dots is a personal access token: it buys an access token that lives for five minutes.
    """
    if api_key.count(".") != 2:
        return {"Authorization": f"Token {api_key}"}
    body = json.dumps({"refresh": api_key}).encode()
    answer = _ask(
        Request(_address(base_url, "/api/token/refresh/"), body, {"Content-Type": "application/json"})
    )
    return {"Authorization": f"Bearer {answer['access']}"}


def whoami(base_url: str, api_key: str) -> str | None:
    """Return the e-mail address behind the key, or None when the server refuses the key."""
    try:
        answer = _get(base_url, "/api/current-user/whoami", authorization(base_url, api_key))
    except NoPulse as trouble:
        if trouble.__cause__ is not None and getattr(trouble.__cause__, "code", 0) in (401, 403):
            return None
        raise
    return str(answer["email"])


def version(base_url: str, api_key: str) -> str:
    """Return the server's release, such as "1.23.2"."""
    return str(_get(base_url, "/api/version", authorization(base_url, api_key))["release"])


def newest_change(base_url: str, api_key: str, ls_id: int) -> datetime | None:
    """Return when a task of the project last changed, or None while it has none.

    Annotations made, edited, skipped and deleted move it; a deleted task does not: that shows in counts().
    """
    query = urlencode(
        {
            "project": ls_id,
            "page_size": 1,
            "fields": "task_only",
            "include": "id,updated_at",
            "query": json.dumps({"ordering": ["-tasks:updated_at"]}),
        }
    )
    tasks = _get(base_url, f"/api/tasks/?{query}", authorization(base_url, api_key))["tasks"]
    return datetime.fromisoformat(tasks[0]["updated_at"]) if tasks else None


def counts(base_url: str, api_key: str, ls_id: int) -> Counts | None:
    """Return how much the project holds, or None when there is no such project."""
    fields = ("task_number", "total_annotations_number", "skipped_annotations_number")
    query = urlencode({"ids": ls_id, "include": ",".join(("id", *fields))})
    found = _get(base_url, f"/api/projects/?{query}", authorization(base_url, api_key))["results"]
    return Counts(*(found[0][name] for name in fields)) if found else None


def _address(base_url: str, path: str) -> str:
    return base_url.rstrip("/") + path


def _get(base_url: str, path: str, headers: dict[str, str]) -> dict[str, Any]:
    return _ask(Request(_address(base_url, path), headers=headers))


def _ask(request: Request) -> dict[str, Any]:
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:
            found = json.load(answer)
    except HTTPError as error:
        raise NoPulse(f"{request.full_url} answered {error.code}.") from error
    except (OSError, HTTPException, ValueError) as error:
        raise NoPulse(f"No Label Studio answers at {request.host}: {error}.") from error
    if not isinstance(found, dict):
        raise NoPulse(f"{request.full_url} does not answer as Label Studio would.")
    return found
