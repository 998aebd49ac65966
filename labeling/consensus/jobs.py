"""Consensus in the background.  cleanlab is imported inside: with pandas it takes 1.4 s and 84 MB."""

import numpy as np
from django.utils import timezone

from labeling.consensus import dawid_skene
from labeling.consensus.table import Weighed
from labeling.models import Dataset, PredictionSet, Settlement
from labeling.progress import Progress, Report
from labeling.services import consensus
from labeling.services.consensus import Case


def settle_by_model(
    report: Report, *, dataset_id: int, method: str = consensus.BEST, prediction_set_id: int | None = None
) -> dict[str, object] | None:
    """Settle the samples with several opinions; None where the dataset is gone.

    Where no sample has them nothing is settled and nothing recorded.

    The predictions must be out-of-fold: of models that never saw the labels of the samples they judge.
    """
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    if dataset is None:
        return None
    report(Progress("reading opinions", 0, 2))
    predictions = PredictionSet.objects.filter(pk=prediction_set_id or 0, dataset=dataset).first()
    case = consensus.open_case(dataset, method, predictions)
    if not case.shared:
        return {"samples": 0, "note": "No sample was judged by two people."}
    report(Progress("weighing opinions", 1, 2))
    made = consensus.settle(dataset, case, _weigh(case), timezone.now())
    report(Progress("settled", 2, 2))
    return {"method": str(made.method), "samples": made.samples, "changed": made.changed, "note": made.note}


def _weigh(case: Case) -> Weighed | None:
    """Let the case's method speak; None for the majority, which the one door knows."""
    said = case.table.said
    if case.probs is not None:
        from labeling.consensus import crowdlab

        return crowdlab.consensus(said, case.probs, np.random.default_rng(0))
    if case.method == Settlement.Method.DAWID_SKENE and len(said):
        return dawid_skene.fit(said, len(case.table.classes), pooled=dawid_skene.few(said)).weighed
    return None
