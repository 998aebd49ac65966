"""The product in a real browser: the loop by hand, no foreign host, nothing that the policy forbids."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.workbench import web_server
from tests.workbench.browsing import Watch, sign_in
from tests.workbench.web_seed import SHAPES

pytestmark = pytest.mark.browser
PATIENCE_MS = 240_000  # one training on a busy machine
PAGES = {
    "datasets": "/datasets/",
    "dataset": "/datasets/2/",
    "samples": "/datasets/2/samples",
    "sample": "/samples/172/",
    "runs": "/datasets/2/runs",
    "run": "/runs/2/",
    "models": "/datasets/2/models",
    "comparison of two runs": "/runs/1/compare/2",
    "curve": "/curves/7/?target=95&others=8&others=9&group=recipe",
    "curve of a class by cost": "/curves/7/?label=crack&x=cost&scale=linear",
    "curve of a head": "/curves/9/?x=compute",
    "classes of a curve": "/curves/7/classes",
    "training of a curve": f"/trainings/{(7 << 32) + 9:064x}/",
    "planner": "/curves/7/planner?target=90",
    "planner of a senseless wish": "/curves/7/planner?target=101",
    "multipliers": "/datasets/3/multipliers",
    "no multipliers": "/datasets/1/multipliers",
    "forecasts": "/datasets/3/forecasts",
    "no forecasts": "/datasets/1/forecasts",
    "policy": "/datasets/2/policies/gentle",
    "import": "/imports/1/",
    "annotators": "/datasets/2/annotators",
    "label quality": "/datasets/2/quality",
    "confirmed labels": "/datasets/2/quality?state=confirmed",
    "quality of pictures": "/datasets/1/quality",
    "dismissed pictures": "/datasets/1/quality?dismissed=1",
    "jobs": "/jobs/",
    "train": "/datasets/2/train",
    "retraining": "/datasets/2/retraining",
    "features": "/datasets/2/features",
    "studies": "/datasets/2/studies",
    "range test": "/studies/1/",
    "batch map": "/studies/2/",
    "new curve": "/datasets/1/new-curve",
    "next round": "/datasets/2/next-round",
    "delete": "/datasets/2/delete",
    "new import": "/datasets/new",
    "password": "/password",
    "not found": "/nothing",
}


@pytest.fixture
def worker(served, tmp_path):
    with web_server.process(
        "manage.py", "worker", "--queues", "cpu", env=served.env, log=tmp_path / "worker.log"
    ) as running:
        yield running


def test_the_loop_by_hand(chromium, served, worker):
    """Sign in, compute a curve, ask for advice, start a training and watch it end; nothing is reloaded."""
    context = chromium.new_context(base_url=served.url)
    watch = Watch(served.url)
    watch.over(context)
    page = context.new_page()
    page.set_default_timeout(30_000)
    sign_in(page, "admin")
    page.get_by_role("link", name=SHAPES).click()
    expect(page.get_by_text("1 refused")).to_be_visible()

    page.get_by_role("link", name="Compute a curve").click()
    page.get_by_text("quick", exact=True).click()
    page.get_by_role("button", name="Compute it").click()
    expect(page.locator("#curve-view").get_by_text("3 of 3 trainings")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#curve-chart canvas")).to_be_visible()
    page.get_by_role("button", name="Table").click()
    expect(page.get_by_role("region", name="Measured")).to_be_visible()

    page.get_by_role("link", name=SHAPES).click()
    page.get_by_label("More actions").click()
    page.get_by_role("button", name="Ask for fresh advice").click()
    expect(page.locator(".state-done")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("link", name="Open what it made").click()
    expect(page.locator(".advice").first).to_be_visible()
    expect(page.locator(".chart canvas")).to_be_visible()

    page.get_by_role("link", name="Start a training").first.click()
    page.get_by_role("button", name="Start the training").click()
    page.wait_for_url("**/runs/*/")
    expect(page.locator(".state-done")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Confusion matrix")).to_be_visible()
    expect(page.locator("#history-chart canvas")).to_be_visible()
    watch.check()
    context.close()


def test_a_running_job_is_followed_and_cancelled(visit, served, worker):
    context, watch = visit("admin")
    page = context.new_page()
    page.goto("/datasets/1/train")
    page.get_by_text("Change single choices").click()
    page.get_by_label("Resolution").fill("256")  # slow enough to be cancelled on the way
    page.get_by_role("button", name="Start the training").click()
    page.get_by_role("link", name="Its job and log").click()
    expect(page.locator(".state-running")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".state-cancelled")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Run again")).to_be_visible()
    assert page.title().startswith("cancelled ·")
    watch.check()
    context.close()


def test_choices_without_effect_hide_until_they_have_one(visit):
    context, watch = visit("root")
    page = context.new_page()
    page.goto("/datasets/2/train")
    page.get_by_text("Change single choices").click()
    gamma, momentum = page.get_by_label("Focal loss, gamma"), page.get_by_label("Momentum")
    expect(gamma).to_be_hidden()
    expect(momentum).to_be_hidden()
    page.get_by_label("Loss", exact=True).select_option("focal")
    gamma.fill("3")
    page.get_by_label("Loss", exact=True).select_option("")
    expect(gamma).to_be_visible()  # what was typed stays in sight
    gamma.fill("")
    expect(gamma).to_be_hidden()
    page.get_by_text("A residual network").click()
    expect(momentum).to_be_visible()  # the preset's optimizer has one
    expect(page.get_by_label("Batch size")).to_have_attribute("placeholder", "128")
    expect(page.locator("#schedule-chart")).to_have_attribute("aria-label", re.compile("climbs to 0.1 until"))
    expect(page.get_by_text("“residual”, with the labels of today")).to_be_visible()
    expect(page.get_by_text("“plain”, with the labels of today")).to_be_hidden()
    watch.check()
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_clean_and_accessible(name, theme, visit):
    context, watch = visit("root", color_scheme=theme, viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.goto(PAGES[name])
    assert page.evaluate("document.documentElement.dataset.bsTheme") == theme
    found = Axe().run(page).response["violations"]
    grave = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]][:3]) for rule in grave] == []
    watch.check()
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways_on_a_telephone(name, visit):
    context, _ = visit("root", viewport={"width": 420, "height": 900})
    page = context.new_page()
    page.goto(PAGES[name])
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    context.close()


@pytest.mark.parametrize("path", ["/admin/", "/admin/labeling/sample/", "/admin/auth/user/add/", "/api/docs"])
def test_foreign_pages_obey_the_policy_too(path, visit):
    context, watch = visit("root")
    page = context.new_page()
    page.goto(path, wait_until="networkidle")
    watch.check()
    context.close()


def test_keys_and_theme(visit):
    context, watch = visit("engineer", color_scheme="light")
    page = context.new_page()
    page.goto("/datasets/")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("j")
    page.wait_for_url("**/jobs/")
    theme = page.locator("[data-theme-switch]")
    theme.click()
    theme.click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    page.goto("/datasets/2/samples")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    watch.check()
    context.close()
