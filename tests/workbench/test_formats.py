"""How figures read."""

import pytest

from workbench.templatetags import seedbed
from workbench.views.contexts.figures import Figure


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (seedbed.percent(0.8764), "87.6 %"),
        (seedbed.percent(1.0, 0), "100 %"),
        (seedbed.percent(None), "\N{EN DASH}"),
        (seedbed.points(0.031), "+3.1"),
        (seedbed.points(-0.031), "\N{MINUS SIGN}3.1"),
        (seedbed.number(12345), "12,345"),
        (seedbed.duration(9.04), "9.0 s"),
        (seedbed.duration(75.2), "1 min 15 s"),
        (seedbed.duration(7260), "2 h 01 min"),
        (seedbed.p_value(0.0004), "p < 0.001"),
        (seedbed.p_value(0.125), "p = 0.125"),
        (seedbed.choice(None), "none"),
        (seedbed.choice(True), "yes"),
        (seedbed.choice(0.050), "0.05"),
        (seedbed.choice({"torch": "2.13", "n": 1}), "torch 2.13, n 1"),
    ],
)
def test_figures(shown, text):
    assert shown == text


def test_a_loss_shows_its_interval_where_it_has_one():
    assert seedbed.figure(None) == "\N{EN DASH}"
    assert seedbed.figure(Figure(0.41236)) == '<span class="num">0.412</span>'
    assert '0.412 <span class="interval" title="95 % interval">0.380 to 0.450</span>' in seedbed.figure(
        Figure(0.41236, 0.38, 0.45)
    )


def test_a_bar_is_drawn_without_style():
    assert 'width="25.00"' in seedbed.bars(1, 2, 4)
    assert 'x="25.00" width="50.00"' in seedbed.bars(1, 2, 4)
    assert "style" not in seedbed.bars(1, 2, 4)
