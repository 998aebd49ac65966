"""What has to be looked after by the clock: runs whose job is over, and what moved in Label Studio."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta

from django.db.models import QuerySet

from labeling.label_studio import pulse
from labeling.models import LabelProject, LabelTask, SelectionRound
from labeling.services.connection import Connection, connection
from trainer.models import Pretraining, Run, Study
from trainer.services import pretraining, runs, studies
from workbench.ledger.models import Job
from workbench.services import work

FULL_SYNC = timedelta(hours=1)  # a sync even when the pulse says that nothing moved
RESEND = timedelta(minutes=2)  # before a round that did not get through is sent again; doubles each time
LONGEST_PATIENCE = timedelta(hours=12)
GONE = "Its job is no longer in the ledger."
PUSH = "labeling.jobs.push"


def poll_label_studio(now: datetime) -> None:
    """Queue a sync for each dataset whose Label Studio projects moved since the last one.

    Costs two small requests a project; the sync itself runs in a worker.
    """
    link = connection()
    if link is None:
        return
    for project in LabelProject.objects.filter(server_url=link.name, closed_at=None).select_related(
        "dataset"
    ):
        try:
            moved = _moved(project, link)
        except pulse.NoPulse as trouble:
            _note_trouble(project, str(trouble))
            return  # the server is down: the other projects would only wait for it too
        if moved or project.synced_at is None or now - project.synced_at > FULL_SYNC:
            work.start_sync(project.dataset)
    if pulse.alive(link.url):
        resend_rounds(now)


def resend_rounds(now: datetime) -> None:
    """Send again what did not get through, e.g. because Label Studio was down; ever more rarely.

    A round whose sending somebody cancelled is left alone: only people decide about it.
    """
    for chosen in SelectionRound.objects.filter(tasks__in=LabelTask.objects.unsent()).distinct():
        tries = Job.objects.filter(work=PUSH, params__round_id=chosen.pk)
        last = tries.first()  # the newest
        if last is None:
            work.start_push(chosen)
        elif last.state == Job.State.FAILED:
            patience = min(RESEND * 2 ** (tries.count() - 1), LONGEST_PATIENCE)
            if now - last.created_at > patience:
                work.start_push(chosen)


def _moved(project: LabelProject, link: Connection) -> bool:
    """Say whether Label Studio holds anything of the project that the last sync has not seen."""
    theirs = pulse.counts(link.url, link.api_key, project.ls_id)
    if theirs is None or asdict(theirs) != project.seen:
        return True
    newest = pulse.newest_change(link.url, link.api_key, project.ls_id)
    return newest is not None and (project.cursor_at is None or newest > project.cursor_at)


def _note_trouble(project: LabelProject, trouble: str) -> None:
    if project.error != trouble:
        project.error = trouble
        project.save(update_fields=["error"])


ENDINGS = {Job.State.FAILED: "failed", Job.State.CANCELLED: "cancelled"}  # of all of them alike


def settle_runs(now: datetime) -> None:
    """Close the runs whose job ended without closing them: killed, cancelled, out of attempts or gone.

    Likewise the pretrainings and the studies.
    """
    _settle(Run.objects.filter(state__in=runs.OPEN), runs.abandon_run, now)
    _settle(Pretraining.objects.filter(state__in=pretraining.OPEN), pretraining.abandon, now)
    _settle(Study.objects.filter(state__in=runs.OPEN), studies.abandon, now)


def _settle(
    rows: QuerySet[Run] | QuerySet[Pretraining] | QuerySet[Study],
    abandon: Callable[[int, str, str, datetime], None],
    now: datetime,
) -> None:
    still_open = dict(rows.exclude(job="").values_list("pk", "job"))
    jobs = {str(job.pk): job for job in Job.objects.filter(pk__in=still_open.values())}
    for pk, name in still_open.items():
        job = jobs.get(name)
        if job is None:
            abandon(pk, "failed", GONE, now)
        elif job.state in ENDINGS:
            abandon(pk, ENDINGS[Job.State(job.state)], job.error, now)
