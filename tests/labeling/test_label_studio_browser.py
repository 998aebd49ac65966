"""A person in a real browser: from the one-time link to a submitted label."""

import os
from datetime import UTC, datetime

import pytest
from PIL import Image
from playwright.sync_api import Page

from labeling.label_studio import config, links, pulse
from labeling.label_studio.shapes import NewTask

pytestmark = [pytest.mark.label_studio, pytest.mark.browser]
CLASSES = ["cat", "dog", "$5 note"]


@pytest.fixture
def page(chromium):
    with chromium.new_context() as context:
        yield context.new_page()


@pytest.fixture
def project(studio, label_studio):
    """Three tasks; the last that was sent has the lowest score."""
    folder = label_studio.media / "browser"
    folder.mkdir(exist_ok=True)
    made = studio.create_project("Browser tests", CLASSES, 1, folder)
    tasks = []
    for number, (label, score) in enumerate([("cat", 0.9), ("dog", 0.5), ("$5 note", 0.1)]):
        Image.new("RGB", (64, 64), (80 * number, 90, 90)).save(folder / f"{number}.png")
        prediction = config.prediction(CLASSES, label, score, "m1")
        image = f"/data/local-files/?d=browser/{number}.png"
        tasks.append(NewTask(f"key{number}", "1", image, prediction))
    studio.push(made, tasks)
    studio.by_model(made, "m1")
    yield made
    studio.delete_project(made)


def test_the_link_leads_to_the_most_doubtful_task_and_its_label_comes_back(
    page: Page, project, studio, label_studio
):
    strangers = []
    page.on(
        "request", lambda r: r.url.startswith((label_studio.url, "data:", "blob:")) or strangers.append(r.url)
    )
    nonce = os.urandom(8).hex()
    keys = label_studio.keys
    page.goto(
        links.open_url(
            keys.shared_key, label_studio.url, "clicker@example.org", project, datetime.now(UTC), nonce
        )
    )
    proposed = page.get_by_role("checkbox", name="\N{FULLWIDTH DOLLAR SIGN}5 note")
    proposed.wait_for(timeout=60_000)
    assert proposed.is_checked()
    picture = page.locator("img[src^='blob:'], img[src*='browser/2.png']").first
    picture.wait_for(timeout=60_000)
    page.keyboard.press("2")
    assert page.get_by_role("checkbox", name="dog").is_checked()
    with page.expect_response(lambda r: "/annotations" in r.url and r.request.method == "POST"):
        page.get_by_role("button", name="Submit current annotation").click()
    (vote,) = [v for found in studio.changed_since(project, None) for t in found for v in t.votes]
    assert (vote.choices, vote.origin) == (("dog",), "prediction-changed")
    assert vote.parent_prediction is not None
    assert studio.emails()[vote.user_id] == "clicker@example.org"
    assert pulse.counts(label_studio.url, keys.token, project).annotations == 1
    assert strangers == []
