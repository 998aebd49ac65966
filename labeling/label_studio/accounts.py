"""Accounts of people in Label Studio, and what a person does there, over HTTP as a browser would."""

from collections.abc import Generator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from labeling.label_studio import config, pulse
from labeling.label_studio.shapes import StudioError

TIMEOUT_S = 60.0


def create_account(base_url: str, admin_key: str, email: str, password: str) -> str:
    """Make the account through the invitation form and return its API token.

    An account that exists already keeps its password: it must be this one.  Works for any server whose
    administrator's key is given; passwords need at least 8 characters.
    """
    with httpx.Client(base_url=base_url.rstrip("/"), timeout=TIMEOUT_S) as browser:
        invite = browser.get("/api/invite", headers=pulse.authorization(base_url, admin_key))
        address = _json(invite, "asking for an invitation")["invite_url"]
        browser.cookies.clear()  # the answer signed us in as the administrator
        _submit_form(browser, address, email, password)
        if not _signed_in(browser):  # the address is taken: sign in instead
            _submit_form(browser, "/user/login/", email, password)
        if not _signed_in(browser):
            raise StudioError(
                f"Label Studio gives {email} no account: it has one with another password, or the form "
                "refuses the address or the password.",
                permanent=True,
            )
        return _own_token(browser, email)


def _signed_in(browser: httpx.Client) -> bool:
    return browser.get("/api/current-user/whoami").is_success


def _own_token(browser: httpx.Client, email: str) -> str:
    """Return a token that the server takes; the older kind can be read again, but may be off there."""
    lasting = str(_json(browser.get("/api/current-user/token"), "asking for a token")["token"])
    if pulse.whoami(str(browser.base_url), lasting) is not None:
        return lasting
    headers = {"X-CSRFToken": browser.cookies["csrftoken"], "Referer": str(browser.base_url)}
    personal = browser.post("/api/token/", headers=headers)
    if personal.status_code == 409:
        raise StudioError(
            f"{email} has a personal access token in Label Studio already, and it is shown only once. "
            "Revoke it there under Account & Settings, or take another address.",
            permanent=True,
        )
    return str(_json(personal, "asking for a token")["token"])


def _submit_form(browser: httpx.Client, address: str, email: str, password: str) -> None:
    browser.get(address).raise_for_status()
    fields = {"email": email, "password": password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    browser.post(address, data=fields, headers={"Referer": str(browser.base_url)}).read()


@dataclass(frozen=True)
class Task:
    """A task in a person's hands."""

    id: int
    item: str  # the picture's content key


class _Authorization(httpx.Auth):
    """Signs each request; a personal token buys access for five minutes at a time."""

    def __init__(self, base_url: str, token: str) -> None:
        self._base_url, self._token = base_url, token
        self._headers = pulse.authorization(base_url, token)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers.update(self._headers)
        answer = yield request
        if answer.status_code == 401:
            self._headers = pulse.authorization(self._base_url, self._token)
            request.headers.update(self._headers)
            yield request


class Session:
    """What one person does with an own token of either kind; use it in one thread."""

    def __init__(self, base_url: str, token: str) -> None:
        sign = _Authorization(base_url, token)
        self._http = httpx.Client(base_url=base_url.rstrip("/"), auth=sign, timeout=TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def next_task(self, project_id: int) -> Task | None:
        """Return the task that Label Studio serves next to this person, or None when none is left."""
        answer = self._http.get(f"/api/projects/{project_id}/next/")
        if answer.status_code == 404:
            return None
        found = _json(answer, "asking for the next task")
        return Task(found["id"], str(found["data"].get(config.ITEM, "")))

    def submit(self, task: Task, label: str, lead_time_s: float | None = None) -> int:
        """Give the task this label and return the annotation's id."""
        body = {"result": config.result(label), "lead_time": lead_time_s}
        return self._annotate(task, body)

    def skip(self, task: Task) -> int:
        """Pass the task on to others and return the id of the empty annotation that says so."""
        return self._annotate(task, {"result": [], "was_cancelled": True})

    def _annotate(self, task: Task, body: dict[str, Any]) -> int:
        answer = self._http.post(f"/api/tasks/{task.id}/annotations/", json=body)
        return int(_json(answer, f"annotating task {task.id}")["id"])


def _json(answer: httpx.Response, doing: str) -> Any:
    if answer.is_error:
        told = f"{doing}: {answer.status_code}, {answer.text[:200]}"
        raise StudioError(f"Label Studio refuses ({told}).", permanent=answer.status_code < 500)
    return answer.json()
