"""The commands that start work: what cannot be started ends in a sentence."""

import json
import re
import stat

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from labeling.models import Dataset, Sample
from tests.trainer import registry_rows
from trainer.engine.recipe import NAMED
from trainer.services import registry, runs


@pytest.fixture
def dataset(db, state, now):
    return Dataset.objects.create(name="Pets", classes=["cat", "dog"], created_at=now)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["train", "Nobody"], "There is no dataset 'Nobody'; there are: Pets."),
        (["train", "Pets", "--recipe", "nonsense"], "nonsense is neither a named recipe"),
        (["train", "Pets", "--seeds", "0"], "must be at least 1"),
        (["out_of_fold", "7"], "There is no run 7."),
        (["next_round", "Pets"], "No picture waits for a label"),
        (["next_round", "Pets", "--overlap", "9"], "invalid choice: 9"),
        (["curve", "Pets"], "label"),
        (["promote", "Pets", "1"], "Pets has no model version 1; there are: none yet."),
        (["promote", "Nobody", "1"], "There is no dataset 'Nobody'"),
        (["rollback", "Pets"], "There is no version to roll back to."),
        (["export", "Pets"], "Pets has no current model version; name one: none yet."),
        (["pretrain", "Pets", "--network", "brain"], "network must be one of cnn, resnet9"),
        (["range_test", "Pets", "--steps", "5"], "Steps must lie in [20, 10000], got 5."),
        (["batch_map", "Pets", "--batches", "1"], "Batches must lie in [2, 65536], got 1 to 1."),
        (["batch_map", "Nobody"], "There is no dataset 'Nobody'"),
        (["embed", "Pets", "run:7"], "Pets has no finished run 7."),
        (["experiment", "trashnet", "--data", "/nowhere", "--cells", "/nowhere"], "There is no /nowhere"),
        (["import_images", "Pets", "/nowhere"], "/nowhere is not a folder."),
        (["import_images", "ab", "."], "A dataset's name has 3 to 50 characters, got 2"),
    ],
)
def test_what_cannot_be_started_is_a_sentence(dataset, command, words):
    with pytest.raises(CommandError, match=re.escape(words)):
        call_command(*command)


def test_a_run_that_is_not_done_has_no_folds(dataset, now):
    run = runs.open_run(dataset, NAMED["plain"], 1, "plain", now)
    with pytest.raises(CommandError, match="is waiting; only a finished run has out-of-fold predictions"):
        call_command("out_of_fold", str(run.pk))


def test_a_count_of_nothing_is_a_sentence(dataset, now):
    Sample.objects.create(
        dataset=dataset, key="0" * 64, name="a.png", file="a.png", width=1, height=1, added_at=now
    )
    with pytest.raises(CommandError, match="0"):
        call_command("next_round", "Pets", "--count", "0")


def test_prepare_makes_tables_and_one_administrator(db, state, capsys):
    call_command("prepare")
    first = json.loads((state / "first-sign-in.json").read_text())
    assert User.objects.get().check_password(first["password"])
    assert stat.S_IMODE((state / "first-sign-in.json").stat().st_mode) == 0o600
    call_command("prepare")
    assert User.objects.count() == 1


def test_versions_are_promoted_and_rolled_back_by_their_numbers(state, db, now, capsys):
    dataset = registry_rows.make_dataset(now, "Coins")
    made = [registry_rows.make_version(dataset, now) for _ in range(2)]
    for number in ("1", "2"):
        call_command("promote", "Coins", number, "--reason", "Because.")
    assert registry.current(dataset) == made[1]
    call_command("rollback", "Coins")
    assert "Version 1 of Coins is the current one again." in capsys.readouterr().out
    assert registry.current(dataset) == made[0]
    first = dataset.promotions.last()
    assert (first.by, first.reason, first.kind) == ("manage.py", "Because.", "hand")
    registry.weights_file(made[1]).unlink()
    with pytest.raises(CommandError, match="Version 2 cannot be promoted"):
        call_command("promote", "Coins", "2")
