"""The first account."""

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User

from workbench.services import accounts
from workbench.services.accounts import ensure_admin

pytestmark = pytest.mark.django_db


def test_nobody_is_made_where_there_is_an_administrator(tmp_path):
    User.objects.create_superuser("chief", password="chief's own")
    assert ensure_admin(tmp_path) is None
    assert User.objects.count() == 1
    assert list(tmp_path.iterdir()) == []


def test_a_password_that_no_longer_holds_is_not_shown(tmp_path):
    ensure_admin(tmp_path)
    admin = User.objects.get()
    admin.set_password("changed since")
    admin.save()
    assert ensure_admin(tmp_path) is None


def test_only_the_owner_reads_the_file(tmp_path):
    ensure_admin(tmp_path)
    assert (tmp_path / accounts.FILE).stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [accounts.FILE]


def test_the_first_account_signs_in_and_may_everything(tmp_path, rf):
    first = ensure_admin(tmp_path)
    user = authenticate(rf.post("/"), username=first.username, password=first.password)
    assert user.is_superuser
    assert len(first.password) >= 12


def test_the_same_sign_in_is_told_again(tmp_path):
    assert ensure_admin(tmp_path) == ensure_admin(tmp_path)


def test_passwords_differ_between_installations(tmp_path):
    (tmp_path / "other").mkdir()
    first = ensure_admin(tmp_path)
    User.objects.all().delete()
    assert ensure_admin(tmp_path / "other").password != first.password
