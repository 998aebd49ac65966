import pytest

from augment import batch_specs, catalog, policy_specs


def test_an_unknown_policy_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"one of gentle, photo, shift, .*, got 'wild'"):
        catalog.find("wild")


def test_both_kinds_are_found_and_no_name_is_used_twice():
    assert len(catalog.NAMED) == len(policy_specs.NAMED) + len(batch_specs.NAMED)
    assert [catalog.find(name).name for name in catalog.NAMED] == list(catalog.NAMED)


@pytest.mark.parametrize("spec", catalog.NAMED.values(), ids=catalog.NAMED)
def test_every_policy_tells_what_it_does(spec):
    assert spec.description.endswith(".")
    assert len(spec.transforms) > 0
    assert all(one.args for one in spec.transforms)


def test_a_batch_policy_tells_its_strengths_in_order():
    told = [(one.name, *one.args.items()) for one in batch_specs.SHIFT_FLIP.transforms]
    assert told == [("flip", ("every second picture", True)), ("shift", ("of the side, each way", 0.125))]
