"""One picture under two classes: in one import (labeling.labels), and in several."""

from collections.abc import Mapping

from labeling.labels import Conflict
from labeling.models import Annotation, Dataset


def with_earlier_imports(
    dataset: Dataset, keys: Mapping[str, str], by_name: Mapping[str, str], given: Mapping[str, str]
) -> list[Conflict]:
    """Return the pictures that an earlier import gave another class than this one gives.

    keys tells each file's content key, by_name its class, given the class that this import settled on by key.
    Call it before the new labels are written.
    """
    files = {keys[file]: file for file, label in sorted(by_name.items(), reverse=True) if file in keys}
    rows = Annotation.objects.filter(
        sample__dataset=dataset, source=Annotation.Source.IMPORT, deleted_at=None
    ).exclude(label="")
    return [
        Conflict(key, {label: name, given[key]: files[key]})
        for key, name, label in rows.values_list("sample__key", "sample__name", "label")
        if key in files and given.get(key, label) != label
    ]
