"""The demo's main job: the whole loop on real pictures, with simulated people where people would label.

Every step is ordinary work of the product: rows in the ledger, done by the workers.  Only the pictures and
the annotators are the demo's own.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from labeling.label_studio import accounts, pulse
from labeling.models import Annotation, Annotator, Dataset, LabelProject
from labeling.services.connection import Connection, connection
from trainer.models import Run
from trainer.services import comparisons
from workbench.demo import annotators
from workbench.ledger.models import Job
from workbench.management import household
from workbench.management.follow import JobFailed, follow
from workbench.management.screen import Screen, Step
from workbench.services import work
from workbench.supervisor import State, Supervisor

TEST_SHARE = 0.3  # the built-in pictures are few: a smaller test set would show no difference
BOOT_TIMEOUT_S = 420
MIN_POOL = 60  # below it, five nested sizes of a curve make no sense


class CannotTell(Exception):
    """The story cannot go on; the message is a sentence for a person."""


@dataclass(frozen=True)
class Pictures:
    """What the story runs on."""

    title: str
    folder: Path
    truths: Mapping[str, str]  # content key -> class; only the simulated annotators read it
    labels_csv: Path | None
    note: str
    policy: str


class Story:
    def __init__(self, given: Pictures, screen: Screen, supervisor: Supervisor) -> None:
        self.given = given
        self.screen = screen
        self.supervisor = supervisor
        self.stopping = supervisor.stopping
        self.dataset = _new_dataset(given)

    def run(self) -> None:
        self.take_pictures()
        self.wait_for_label_studio()
        self.send_first_rounds()
        self.annotate()
        self.fetch_annotations()
        self.train_twice()
        self.draw_curve()
        self.ask_for_advice()
        self.send_next_round()

    def take_pictures(self) -> None:
        with self.screen.step("import", "Import the pictures") as step:
            job = work.start_import(
                self.dataset,
                self.given.folder,
                labels_csv=self.given.labels_csv,
                keep_labels="test",
                test_share=TEST_SHARE,
            )
            self.see(job, step)
            preview = work.start_preview(self.dataset, self.given.policy, seed=1)
            self.see(preview, step)
        self.dataset.refresh_from_db()  # the import wrote the classes
        pool = self.dataset.samples.pool().count()
        if pool < MIN_POOL:
            raise CannotTell(
                f"{pool} pictures are left to label after the test split; {MIN_POOL} are needed."
            )

    def wait_for_label_studio(self) -> None:
        with self.screen.step("label_studio_boot", "Wait for Label Studio (first start: 1-2 min)") as step:
            for waited in range(BOOT_TIMEOUT_S):
                link = connection()
                if link is not None and _answers(link):
                    return
                standing = self.supervisor.standings.get(household.LABEL_STUDIO)
                if standing is not None and standing.state is State.FAILED:
                    raise CannotTell(f"Label Studio is missing: {standing.reason}.")
                step.tell("it makes its database" if waited > 10 else "it starts", waited)
                if self.stopping.wait(1):
                    raise CannotTell("it was asked to.")
        raise CannotTell(f"Label Studio did not answer within {BOOT_TIMEOUT_S} s.")

    def send_first_rounds(self) -> None:
        """One label for most samples; three for some, so that agreement can be measured."""
        pool = self.dataset.samples.waiting().count()
        thrice = min(80, pool // 8)
        once = min(260, pool // 2 - thrice)
        with self.screen.step("push", f"Send {once + thrice} random pictures to Label Studio") as step:
            for count, overlap in ((once, 1), (thrice, 3)):
                job = work.start_next_round(
                    self.dataset, count=count, strategy="random", overlap=overlap, seed=overlap
                )
                self.see(job, step)

    def annotate(self) -> None:
        link = connection()
        assert link is not None
        sessions = {}
        passwords = annotators.passwords(settings.STATE_DIR / "demo")
        for who in annotators.CREW:
            Annotator.objects.update_or_create(
                email=who.email, defaults={"simulated": True, "note": who.note}
            )
            token = accounts.create_account(link.url, link.api_key, who.email, passwords[who.email])
            sessions[who] = accounts.Session(link.url, token)
        projects = list(LabelProject.objects.filter(dataset=self.dataset))
        wanted = sum(project.overlap * project.tasks.count() for project in projects)
        done = 0
        lock = threading.Lock()

        def count() -> None:
            nonlocal done
            with lock:
                done += 1
                step.tell(f"{done} of {wanted} annotations (simulated)", done, wanted)

        with self.screen.step("annotate", f"{len(sessions)} simulated annotators label") as step:
            for project in projects:
                annotators.label_all(sessions, project.ls_id, self.given.truths, self.dataset.classes, count)

    def fetch_annotations(self) -> None:
        with self.screen.step("sync", "Fetch the annotations") as step:
            self.see(work.start_sync(self.dataset), step)
        theirs, ours = label_studio_counts(self.dataset)["annotations"], standing(self.dataset)
        if theirs != ours:
            raise CannotTell(f"Label Studio counts {theirs} annotations, Seedbed {ours}.")

    def train_twice(self) -> None:
        with self.screen.step("train", "Train plain, and augmented + rebalanced") as step:
            jobs = [work.start_training(self.dataset, name, seed=0) for name in ("plain", "augmented")]
            for job in jobs:
                self.see(job, step)
            base, other = (Run.objects.get(pk=job.params["run_id"]) for job in jobs)
            comparisons.compare(base, other, seed=0, now=timezone.now())

    def draw_curve(self) -> None:
        with self.screen.step("curve", "Learning curve: growing subsets x 2 seeds") as step:
            self.see(work.start_curve(self.dataset, seed=0), step)

    def ask_for_advice(self) -> None:
        with self.screen.step("advice", "Advice") as step:
            self.see(work.start_advice(self.dataset), step)

    def send_next_round(self) -> None:
        count = min(50, self.dataset.samples.waiting().count())
        with self.screen.step("next_round", f"Send the {count} most useful pictures next") as step:
            self.see(work.start_next_round(self.dataset, count=count, strategy="margin", seed=7), step)

    def see(self, job: Job, step: Step) -> None:
        try:
            follow(job, lambda row: _tell(step, row), self.stopping)
        except JobFailed as problem:
            raise CannotTell(str(problem)) from None


def label_studio_counts(dataset: Dataset) -> dict[str, int]:
    """Return how many tasks and annotations Label Studio itself counts for the dataset."""
    link = connection()
    assert link is not None
    found = [pulse.counts(link.url, link.api_key, p.ls_id) for p in dataset.projects.all()]
    return {
        "tasks": sum(c.tasks for c in found if c),
        "annotations": sum(c.annotations for c in found if c),
    }


def standing(dataset: Dataset) -> int:
    rows = Annotation.objects.standing().filter(sample__dataset=dataset)
    return rows.filter(source=Annotation.Source.LABEL_STUDIO).count()


def _new_dataset(given: Pictures) -> Dataset:
    """A second demo gets a dataset of its own: what the first one gathered stays."""
    title, number = given.title, 1
    while Dataset.objects.filter(name=title).exists():
        number += 1
        title = f"{given.title} {number}"
    return Dataset.objects.create(name=title, note=given.note, created_at=timezone.now())


def _answers(link: Connection) -> bool:
    try:
        return pulse.whoami(link.url, link.api_key) is not None
    except pulse.NoPulse:
        return False


def _tell(step: Step, job: Job) -> None:
    progress = job.progress
    state = progress.get("stage") or ("waiting for a worker" if job.state == Job.State.QUEUED else "at work")
    step.tell(state, progress.get("done", 0), progress.get("total"))
