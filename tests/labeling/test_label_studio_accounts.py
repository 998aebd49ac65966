"""Accounts of people, on servers with either kind of token."""

import httpx
import pytest

from labeling.label_studio import accounts, pulse
from labeling.label_studio.client import Studio
from labeling.label_studio.shapes import NewTask, StudioError

pytestmark = pytest.mark.label_studio


@pytest.fixture(scope="module")
def personal_key(admin):
    """The administrator's personal access token: what an outside server gives by default."""
    return admin.post("/api/token/").json()["token"]


@pytest.fixture
def personal_only(label_studio, personal_key):
    """The server takes no tokens of the older kind for a while, as outside servers do by default."""
    headers = pulse.authorization(label_studio.url, personal_key)
    with httpx.Client(base_url=label_studio.url, headers=headers) as settings:
        body = {"api_tokens_enabled": True, "legacy_api_tokens_enabled": False}
        settings.post("/api/jwt/settings", json=body).raise_for_status()
        yield
        settings.post("/api/jwt/settings", json=body | {"legacy_api_tokens_enabled": True}).raise_for_status()


@pytest.mark.parametrize(
    ("email", "password"),
    [("ann1@example.org", "another-password"), ("no address", "a-long-password"), ("x@example.org", "short")],
)
def test_no_account_is_told(label_studio, crew, email, password):
    with pytest.raises(StudioError, match=f"gives {email} no account") as caught:
        accounts.create_account(label_studio.url, label_studio.keys.token, email, password)
    assert caught.value.permanent


def test_a_wrong_administrator_key_is_told(label_studio):
    with pytest.raises(StudioError, match="asking for an invitation: 401"):
        accounts.create_account(label_studio.url, "0" * 40, "y@example.org", "a-long-password")


def test_an_account_is_made_once_and_keeps_its_token(label_studio, crew):
    again = accounts.create_account(
        label_studio.url, label_studio.keys.token, "ann2@example.org", "a-long-password"
    )
    assert again == crew["ann2@example.org"]
    assert pulse.whoami(label_studio.url, again) == "ann2@example.org"


@pytest.mark.filterwarnings("ignore:The `parse_obj` method:DeprecationWarning")  # the SDK's own
def test_everything_works_with_personal_tokens_alone(label_studio, personal_key, personal_only):
    token = accounts.create_account(label_studio.url, personal_key, "pat@example.org", "a-long-password")
    assert token.count(".") == 2
    assert pulse.whoami(label_studio.url, token) == "pat@example.org"
    with Studio(label_studio.url, personal_key) as studio:
        project = studio.create_project("Personal tokens", ["cat", "dog"], 1, None)
        studio.push(project, [NewTask("key", "1", "/x.png")])
        with accounts.Session(label_studio.url, token) as session:
            task = session.next_task(project)
            session.submit(task, "cat")
            assert session.next_task(project) is None
        assert task.item == "key"
        assert pulse.counts(label_studio.url, personal_key, project).annotations == 1
        studio.delete_project(project)


def test_a_personal_token_that_cannot_be_read_again_is_told(label_studio, personal_key, personal_only):
    who = label_studio.url, personal_key, "once@example.org", "a-long-password"
    assert accounts.create_account(*who).count(".") == 2
    with pytest.raises(StudioError, match="Revoke it there"):
        accounts.create_account(*who)


def test_a_session_outlives_its_access(label_studio, personal_key):
    with accounts.Session(label_studio.url, personal_key) as session:
        session._http.auth._headers = {"Authorization": "Bearer expired"}
        assert session._http.get("/api/current-user/whoami").json()["email"] == "seedbed@localhost"


def test_a_session_of_nobody_is_refused(label_studio):
    with (
        accounts.Session(label_studio.url, "0" * 40) as session,
        pytest.raises(StudioError, match="asking for the next task: 401"),
    ):
        session.next_task(1)
