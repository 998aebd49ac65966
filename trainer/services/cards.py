"""Gathers the facts of a model version's card."""

from django.utils.text import slugify

from trainer.engine import model_card
from trainer.engine.model_card import Card
from trainer.models import ModelVersion, Promotion

WORDS = {
    Promotion.Kind.GATE: "promoted by the gate",
    Promotion.Kind.HAND: "promoted by hand",
    Promotion.Kind.ROLLBACK: "brought back",
}


def write(version: ModelVersion) -> str:
    """Return the version's card in Markdown."""
    return model_card.write(facts(version))


def facts(version: ModelVersion) -> Card:
    run, dataset = version.run, version.dataset
    return Card(
        dataset=dataset.name,
        classes=tuple(dataset.classes),
        note=dataset.note,
        number=version.number,
        state=version.state,
        made=f"{version.created_at:%d %B %Y}",
        promoted=_promoted(version),
        verdict=(version.verdict or {}).get("reason", ""),
        recipe_name=run.name,
        recipe=run.recipe,
        seed=run.seed,
        labels=run.labels,
        metrics=run.metrics,
        warnings=tuple(run.extras.get("warnings", ())),
        fingerprint=run.fingerprint,
        weights=version.weights,
        receipt=run.receipt,
        export=version.export,
        file_name=file_name(version),
    )


def file_name(version: ModelVersion) -> str:
    """Return a safe name for downloads, without a suffix: letters of a to z, digits and dashes."""
    return f"{slugify(version.dataset.name) or 'dataset'}-v{version.number}"


def _promoted(version: ModelVersion) -> str:
    last = version.promotions.first()
    if last is None:
        return ""
    who = f" by {last.by}" if last.by else ""
    said = f"It was {WORDS[Promotion.Kind(last.kind)]}{who} on {last.at:%d %B %Y}"
    told = last.reason and last.reason != (version.verdict or {}).get("reason")  # the gate's own is told
    return f"{said}: {last.reason}" if told else f"{said}."
