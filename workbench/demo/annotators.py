"""Simulated annotators: they label through Label Studio's API, at their own accounts, with a stated error.

An annotator draws the true class with probability 1 - error_rate, else a wrong class from a fixed row.
The draw hangs on the annotator's seed and the picture alone: not on the order of service, and never on the
model's prediction, which is not read.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labeling.label_studio.accounts import Session


@dataclass(frozen=True)
class Simulated:
    email: str
    seed: int
    error_rate: float  # in [0, 1]

    @property
    def note(self) -> str:
        return f"simulated: {self.error_rate:.0%} errors, seed {self.seed}"


CREW = (
    Simulated("simulated-1@example.org", 101, 0.04),
    Simulated("simulated-2@example.org", 102, 0.06),
    Simulated("simulated-3@example.org", 103, 0.10),
)


def passwords(folder: Path) -> dict[str, str]:
    """Return the crew's Label Studio passwords by e-mail; made once, readable by their owner alone."""
    file = folder / "annotators.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = {who.email: secrets.token_urlsafe(12) for who in CREW}
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            json.dump(made, out)
    return dict(json.loads(file.read_text()))


def wrong_rows(classes: int) -> npt.NDArray[np.float64]:
    """Return the (K, K) rows that errors are drawn from: half go to the next class, the rest evenly.

    With two classes there is only one way to be wrong.
    """
    rows = np.full((classes, classes), 0.5 / max(classes - 2, 1))
    np.fill_diagonal(rows, 0)
    rows[np.arange(classes), (np.arange(classes) + 1) % classes] = 0.5 if classes > 2 else 1
    return rows


def opinion(who: Simulated, item: str, truth: int, classes: int) -> int:
    """Return the class number that this annotator gives to the item whose content key is given."""
    digest = hashlib.sha256(f"{who.seed}:{item}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8]))
    if rng.random() >= who.error_rate:
        return truth
    return int(rng.choice(classes, p=wrong_rows(classes)[truth]))


def label_all(
    sessions: Mapping[Simulated, Session],
    project_id: int,
    truths: Mapping[str, str],
    classes: list[str],
    count: Callable[[], None],
) -> None:
    """Let every annotator take tasks of the project until none is left; count() after each annotation.

    truths maps an item's content key to its class; an item without one is skipped.  One thread an annotator,
    as three people would work.  They come back until a whole pass brings nothing: a task that a colleague
    holds is not served, and may be free a moment later.
    """

    def work(who: Simulated) -> int:
        session, done = sessions[who], 0
        while (task := session.next_task(project_id)) is not None:
            truth = truths.get(task.item)
            if truth in classes:
                number = opinion(who, task.item, classes.index(truth), len(classes))
                session.submit(task, classes[number])
            else:
                session.skip(task)
            done += 1
            count()
        return done

    with ThreadPoolExecutor(len(sessions)) as pool:
        while sum(pool.map(work, sessions)):
            pass
