"""What passes between us and Label Studio, free of its SDK: light enough for any file to import."""

from dataclasses import dataclass
from datetime import datetime

LOT = 1000  # tasks a request: 1,000 with predictions take 2 s there, and its proxies cut requests after 120 s


class StudioError(Exception):
    """An exchange failed; the message says to a person what to do.

    `permanent` errors repeat until somebody acts; the others may pass by themselves.
    """

    def __init__(self, message: str, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True)
class NewTask:
    """A picture on its way into a project."""

    item: (
        str  # the picture's content key; with the round it is our own id, by which a lost task is found again
    )
    round: str
    image: str  # address that the annotator's browser can load
    prediction: dict[str, object] | None = None  # as config.prediction makes it


@dataclass(frozen=True)
class Ranked:
    """A standing task's new place in the order."""

    ls_id: int
    prediction: dict[str, object]  # as config.prediction makes it


@dataclass(frozen=True)
class FoundTask:
    """A task that stands in Label Studio."""

    ls_id: int
    item: str  # "" when somebody else made it
    predictions: int
    annotations: int


@dataclass(frozen=True)
class Vote:
    """One annotation as Label Studio holds it; drafts are not among them."""

    ls_id: int
    user_id: int | None  # None when the account was deleted
    choices: tuple[str, ...]
    skipped: bool
    lead_time_s: float | None
    parent_prediction: int | None  # the prediction that it began from as a copy
    origin: str  # "prediction", "prediction-changed" or "manual" by its editor, "" where a program sent it
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class ChangedTask:
    """A task with all annotations that it has now; what is missing here was deleted there."""

    ls_id: int
    item: str
    updated_at: datetime
    votes: tuple[Vote, ...]


@dataclass(frozen=True)
class Counts:
    """How much one project holds, as Label Studio counts: annotations without the skipped ones."""

    tasks: int
    annotations: int
    skipped: int


@dataclass(frozen=True)
class Standing:
    """A project as a whole."""

    counts: Counts
    description: str
