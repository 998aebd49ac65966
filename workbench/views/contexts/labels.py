"""What the pages show of labels: counts per class, progress, rounds, people, and Label Studio's standing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Q

from labeling.models import Annotation, Dataset, LabelIssue, LabelProject, Sample, SelectionRound
from labeling.services import chance, opinions
from labeling.services.connection import connection
from trainer.engine import intervals
from workbench import supervisor
from workbench.supervisor import State
from workbench.views.contexts.figures import Interval

NOTEWORTHY_IMBALANCE = 1.5  # largest class / smallest class


@dataclass(frozen=True)
class ClassRow:
    name: str
    train: int
    test: int


@dataclass(frozen=True)
class ClassTable:
    rows: tuple[ClassRow, ...]
    unlabeled_train: int
    unlabeled_test: int

    @property
    def largest(self) -> int:
        """The longest bar: labels of the most frequent class, both splits together."""
        return max((row.train + row.test for row in self.rows), default=0) or 1

    @property
    def train(self) -> int:
        return sum(row.train for row in self.rows)

    @property
    def test(self) -> int:
        return sum(row.test for row in self.rows)

    @property
    def imbalance(self) -> str:
        """A sentence on how unequal the classes of the training pool are, "" where they are not."""
        if len(self.rows) < 2 or not self.train:
            return ""
        most, least = max(self.rows, key=lambda r: r.train), min(self.rows, key=lambda r: r.train)
        if not least.train:
            return f"“{least.name}” has no label in the training pool yet; “{most.name}” has {most.train:,}."
        ratio = most.train / least.train
        if ratio < NOTEWORTHY_IMBALANCE:
            return ""
        counts = f"{most.train:,} and {least.train:,}"
        return f"“{most.name}” has {ratio:.1f} times the labels of “{least.name}” ({counts})."


@dataclass(frozen=True)
class LabelProgress:
    pool: int
    labeled: int
    queued: int  # in an annotator's queue and not labeled yet
    annotations: int  # given in Label Studio, skips left out
    simulated: int  # of these: by simulated annotators

    @property
    def share(self) -> float:
        return self.labeled / self.pool if self.pool else 0.0

    @property
    def waiting(self) -> int:
        return self.pool - self.labeled - self.queued


@dataclass(frozen=True)
class RoundRow:
    id: int
    strategy: str
    words: str  # the strategy's name, as it is shown
    size: int
    audit: int
    overlap: int
    sent: int
    labeled: int
    created_at: datetime


@dataclass(frozen=True)
class AnnotatorRow:
    name: str
    simulated: bool
    note: str
    annotations: int
    skipped: int


@dataclass(frozen=True)
class AgreementRow:
    """How far people agree on what several of them labeled."""

    pairwise: Interval  # chance that two people who saw the same sample said the same
    n: int  # samples with at least two opinions
    alpha: float  # Krippendorff's: 1 is perfect, 0 is chance


@dataclass(frozen=True)
class StudioState:
    """Whether "Open in Label Studio" can work now, and if not, a sentence on what is missing."""

    ready: bool
    sentence: str
    error: str = ""  # of the last exchange
    synced_at: datetime | None = None


def class_table(dataset: Dataset) -> ClassTable:
    counts: dict[tuple[str, str], int] = {
        (row["label"], row["split"]): row["n"]
        for row in dataset.samples.order_by().values("label", "split").annotate(n=Count("pk"))
    }

    def count(label: str, split: str) -> int:
        return counts.get((label, split), 0)

    train, test = Sample.Split.TRAIN.value, Sample.Split.TEST.value
    rows = tuple(ClassRow(name, count(name, train), count(name, test)) for name in dataset.classes)
    return ClassTable(rows, count("", train), count("", test))


def label_progress(dataset: Dataset) -> LabelProgress:
    pool = Sample.objects.filter(dataset=dataset).pool()
    standing = Annotation.objects.standing().filter(
        sample__dataset=dataset, source=Annotation.Source.LABEL_STUDIO
    )
    return LabelProgress(
        pool=pool.count(),
        labeled=pool.labeled().count(),
        queued=pool.unlabeled().queued().count(),
        annotations=standing.count(),
        simulated=standing.filter(annotator__simulated=True).count(),
    )


def rounds(dataset: Dataset) -> tuple[RoundRow, ...]:
    """Return the rounds that ask for first labels; reviews stand on the page of label quality."""
    asking = SelectionRound.objects.filter(dataset=dataset).exclude(strategy__in=SelectionRound.LOOKS_AGAIN)
    rows = asking.annotate(
        size=Count("tasks"),
        audited=Count("tasks", filter=Q(tasks__audit=True)),
        sent=Count("tasks", filter=Q(tasks__ls_task_id__isnull=False)),
        labeled=Count("tasks", filter=~Q(tasks__sample__label="")),
    )
    return tuple(
        RoundRow(
            r.pk,
            r.strategy,
            r.get_strategy_display(),
            r.size,
            r.audited,
            r.overlap,
            r.sent,
            r.labeled,
            r.created_at,
        )
        for r in rows
    )


def against_chance(dataset: Dataset) -> str:
    found = chance.latest(dataset)
    return found.sentence if found else ""


def annotators(dataset: Dataset, only: str | None) -> tuple[AnnotatorRow, ...]:
    """Return who did how much; of one address only where one is given."""
    chosen = Q(annotator__isnull=False) if only is None else Q(annotator__email=only)
    rows = (
        Annotation.objects.filter(chosen, sample__dataset=dataset, deleted_at=None)
        .values("annotator__email", "annotator__simulated", "annotator__note")
        .annotate(labels=Count("pk", filter=Q(skipped=False)), skips=Count("pk", filter=Q(skipped=True)))
        .order_by("annotator__email")
    )
    return tuple(
        AnnotatorRow(
            row["annotator__email"],
            row["annotator__simulated"],
            row["annotator__note"],
            row["labels"],
            row["skips"],
        )
        for row in rows
    )


def people_agree(dataset: Dataset) -> AgreementRow | None:
    """Return how far people agree; None, after one short query, where no two looked at the same sample.

    The interval is Wilson's for n samples: exact with two opinions each, too wide with more.
    """
    looked = Annotation.objects.standing().filter(sample__dataset=dataset, annotator__isnull=False)
    people = looked.values("sample").annotate(people=Count("annotator", distinct=True))
    measured = opinions.measure_agreement(dataset) if people.filter(people__gt=1).exists() else None
    if measured is None:
        return None
    found = intervals.wilson(round(measured.pairwise * measured.items), measured.items)
    return AgreementRow(Interval(measured.pairwise, found.low, found.high), measured.items, measured.alpha)


def studio_state(dataset: Dataset) -> StudioState:
    studio = connection()
    if studio is None:
        return StudioState(False, _embedded_trouble() or "Label Studio was never started here.")
    trouble = _embedded_trouble() if studio.embedded else ""
    project = project_to_label(dataset)
    if trouble or project is None:
        nothing = "Nothing was sent to Label Studio yet: the first labeling round does that."
        return StudioState(False, trouble or nothing)
    return StudioState(True, "", project.error, project.synced_at)


def project_to_label(dataset: Dataset) -> LabelProject | None:
    """Return the newest project with something left to label, else the newest; None where there is none."""
    studio = connection()
    if studio is None:
        return None
    server_url = "" if studio.embedded else studio.url
    projects = LabelProject.objects.filter(dataset=dataset, closed_at=None, server_url=server_url)
    newest_first = projects.order_by("-pk")
    unlabeled = Q(tasks__sample__label="") | Q(tasks__issue__state=LabelIssue.State.SENT)
    waiting = newest_first.filter(unlabeled, tasks__ls_task_id__isnull=False)
    return waiting.first() or newest_first.first()


def _embedded_trouble() -> str:
    """Return what the supervisor says is wrong with the embedded server, or ""."""
    standing = supervisor.read_standings(settings.STATE_DIR).get("label-studio")
    if standing is None or standing.state is State.READY:
        return ""  # nobody watches it (compose), or all is well: the link is offered
    if standing.state in (State.WAITING, State.STARTING):
        return "Label Studio is still starting; its first start takes up to two minutes."
    return f"Label Studio is not running: {standing.reason or standing.state}."
