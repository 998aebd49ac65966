import subprocess
import sys

import pytest

from trainer.engine import schedules
from trainer.engine.recipe import SCHEDULES, Recipe
from workbench import schedule_charts

every_schedule = pytest.mark.parametrize("schedule", SCHEDULES)


def info(steps=200, **more):
    return schedule_charts.schedule_info(Recipe(**more), steps)


# --- what must not happen


def test_drawing_does_not_load_torch():
    asks = "import sys, workbench.schedule_charts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asks]).returncode == 0


def test_a_recipe_without_steps_says_so():
    probed = info(tuning="probe", weights="self-supervised")
    assert (probed["points"], probed["told"]) == ([], [])
    assert "no steps" in probed["summary"]
    assert schedule_charts.schedule_option(probed)["series"][0]["data"] == []


@every_schedule
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_a_short_training_is_drawn_step_by_step(schedule, steps):
    assert [point["step"] for point in info(steps, schedule=schedule)["points"]] == [*range(1, steps + 1)]


# --- what must happen


@every_schedule
def test_every_point_is_the_rate_that_the_training_takes(schedule):
    recipe = Recipe(schedule=schedule)
    for_each = {step: schedules.learning_rate(recipe, step, 5000) for step in range(1, 5001)}
    made = info(5000, schedule=schedule)
    assert 120 <= len(made["points"]) <= 128
    assert 11 <= len(made["told"]) <= 18
    assert {point["step"]: point["rate"] for point in made["points"]}.items() <= for_each.items()
    assert max(point["rate"] for point in made["told"]) == max(for_each.values()) == recipe.learning_rate


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"schedule": "cosine"}, "The rate climbs to 0.02 until step 20 and falls to 0 at step 200."),
        ({"schedule": "cosine", "warmup": 0.0}, "The rate starts at 0.02 and falls to 0 at step 200."),
        ({"schedule": "constant"}, "The rate climbs to 0.02 until step 20 and stays there until step 200."),
        (
            {"schedule": "one-cycle"},
            "The rate climbs to 0.02 until step 20 and falls to nearly 0 at step 200.",
        ),
        (
            {"schedule": "restarts"},
            "The rate falls 3 times from 0.02 to nearly 0; the cycles end at step 29, 86, 200.",
        ),
        (
            {"schedule": "restarts", "restarts": 1},
            "The rate falls twice from 0.02 to nearly 0; the cycles end at step 67, 200.",
        ),
    ],
    ids=["cosine", "no warm-up", "constant", "one-cycle", "restarts", "one restart"],
)
def test_the_sentence_says_what_the_picture_shows(recipe, said):
    assert info(**recipe)["summary"] == said


@pytest.mark.parametrize("dark", [False, True])
def test_the_chart_shows_the_points_and_its_sentence(dark):
    made = info(4, warmup=0.5)
    option = schedule_charts.schedule_option(made, dark=dark)
    assert option["series"][0]["data"] == [[1, 0.01], [2, 0.02], [3, 0.01], [4, 0.0]]
    assert option["xAxis"]["max"] == 4
    assert option["aria"]["label"]["description"] == made["summary"]
