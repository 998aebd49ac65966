import pytest

from trainer.curves.cost import UNKNOWN, Bill, Cost


@pytest.mark.parametrize("costs", [(-1, None), (None, -0.1), (float("nan"), 1), (None, float("inf"))])
def test_costs_that_make_no_sense(costs):
    with pytest.raises(ValueError, match="costs must not be negative"):
        Cost(*costs)


def test_what_is_not_known_is_not_said():
    assert UNKNOWN.of(100)[:2] == (None, None)
    assert UNKNOWN.of(100).words == ""


@pytest.mark.parametrize(
    ("bill", "words"),
    [
        (Bill(48, 3.1), "48 dollars and 3.1 hours"),
        (Bill(1234, None), "1,200 dollars"),
        (Bill(48, 3.1, "EUR"), "48 EUR and 3.1 hours"),
        (Bill(4.25, None), "4.2 dollars"),
        (Bill(0, 12.4), "0 dollars and 12 hours"),
        (Bill(None, 0.5), "30 minutes"),
        (Bill(None, 0.05), "3.0 minutes"),
    ],
)
def test_words_have_two_digits(bill, words):
    assert bill.words == words


def test_a_bill_is_price_and_pace_times_labels():
    assert Cost(price=0.2, seconds=46.5).of(240) == (pytest.approx(48), pytest.approx(3.1), "USD")
