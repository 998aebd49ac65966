"""What model versions wait for: the new ones for the gate, the current one for pictures to speak on."""

from datetime import datetime

from django.db.models import Max, Q

from trainer.models import ModelVersion, Promotion
from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job
from workbench.models import RetrainDecision, RetrainRule
from workbench.services.follow_up import IMPORT, RECENT

JUDGE = "trainer.registry.jobs.judge"
SCORE = "trainer.registry.jobs.score_pool"
NEW_PICTURES = Q(work=IMPORT, state=Job.State.DONE, result__taken__gt=0)


def tend(now: datetime) -> None:
    """Start what the versions wait for; each only once: a job that failed is for people to look at."""
    judge_candidates()
    score_new_pictures(now)


def judge_candidates() -> None:
    """Have each new version judged, and promoted where the gate says so and the retrain rule lets it."""
    waiting = ModelVersion.objects.filter(state=ModelVersion.State.CANDIDATE, judged_at=None)
    for version in waiting.select_related("dataset"):
        if not Job.objects.filter(work=JUDGE, params__version_id=version.pk).exists():
            start_judging(version, promote=not _is_for_people(version))


def score_new_pictures(now: datetime) -> None:
    """Have the current versions speak again where one was promoted or pictures were imported since."""
    since = now - RECENT
    standing = ModelVersion.objects.filter(state=ModelVersion.State.CURRENT).select_related("dataset")
    versions = list(standing)
    if not versions:
        return
    turns = Promotion.objects.filter(at__gt=since).order_by()
    promoted = dict(turns.values_list("version_id").annotate(at=Max("at")))
    fresh = Job.objects.filter(NEW_PICTURES, finished_at__gt=since).order_by()
    imported = dict(fresh.values_list("params__dataset_id").annotate(at=Max("finished_at")))
    asked = Job.objects.filter(work=SCORE, created_at__gt=since).order_by()
    scored = dict(asked.values_list("params__version_id").annotate(at=Max("created_at")))
    for version in versions:
        news = [at for at in (promoted.get(version.pk), imported.get(version.dataset_id)) if at]
        last = scored.get(version.pk)
        if news and (last is None or last < max(news)):
            start_scoring(version)


def start_judging(version: ModelVersion, *, promote: bool = True, requested_by: str = "") -> Job:
    return submit(
        JUDGE,
        f"Judge {version} of {version.dataset}",
        requested_by=requested_by,
        dedupe_key=f"judge:{version.pk}",
        priority=-1,  # nobody waits for it
        version_id=version.pk,
        promote=promote,
    )


def start_export(version: ModelVersion, *, requested_by: str = "") -> Job:
    return submit(
        "trainer.registry.jobs.export",
        f"Export {version} of {version.dataset} to ONNX",
        requested_by=requested_by,
        dedupe_key=f"export:{version.pk}",
        version_id=version.pk,
    )


def start_scoring(version: ModelVersion, *, requested_by: str = "") -> Job:
    """Let the current version speak on the test and the unlabeled pictures as they stand."""
    return submit(
        SCORE,
        f"Score the pictures of {version.dataset} with {version}",
        requested_by=requested_by,
        dedupe_key=f"score:{version.pk}",
        priority=-1,
        version_id=version.pk,
    )


def _is_for_people(version: ModelVersion) -> bool:
    """Say whether the version comes from a retrain rule that leaves its promotion to people."""
    rule = RetrainRule.objects.filter(dataset=version.dataset, promote=RetrainRule.Promote.NEVER)
    return rule.exists() and RetrainDecision.objects.filter(runs=version.run_id).exists()
