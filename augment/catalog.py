"""All policies by name, those drawn once before training and those drawn anew in every batch.

Light: data only.
"""

from augment import batch_specs, policy_specs
from augment.batch_specs import BatchSpec
from augment.policy_specs import PolicySpec

Spec = PolicySpec | BatchSpec
NAMED: dict[str, Spec] = {**policy_specs.NAMED, **batch_specs.NAMED}


def find(name: str) -> Spec:
    """Return the policy of this name.  Raises ValueError that lists the known ones."""
    if name not in NAMED:
        raise ValueError(f"policy must be one of {', '.join(NAMED)}, got {name!r}")
    return NAMED[name]
