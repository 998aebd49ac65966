"""The product in a real browser: the loop by hand, no foreign host, nothing that the policy forbids."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.workbench import web_server
from tests.workbench.web_seed import PASSWORD, SHAPES

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
LISTEN = """document.addEventListener("securitypolicyviolation",
  (event) => console.error("POLICY", event.violatedDirective, event.blockedURI, event.sourceFile));"""


@dataclass
class Watch:
    """All that went wrong in one browser context, as it happens."""

    own: str
    said: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def over(self, context: BrowserContext) -> None:
        context.add_init_script(LISTEN)
        context.on("console", lambda message: self.hear(message.type, message.text))
        context.on("weberror", lambda error: self.said.append(str(error.error)))
        context.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and "404 (Not Found)" not in text:  # a page that was asked for
            self.said.append(text)

    def check(self) -> None:
        assert self.said == []
        assert self.hosts <= {urlsplit(self.own).netloc, ""}  # "": pictures inside the style sheet


@pytest.fixture(scope="module")
def visit(chromium, served):
    """Open a context that is signed in, and watch it."""
    known: dict[str, object] = {}

    def opened(who: str, **options: object) -> tuple[BrowserContext, Watch]:
        if who not in known:
            known[who] = _storage(chromium, served.url, who)
        context = chromium.new_context(base_url=served.url, storage_state=known[who], **options)
        watch = Watch(served.url)
        watch.over(context)
        return context, watch

    return opened


def _storage(chromium: Browser, url: str, who: str) -> object:
    context = chromium.new_context(base_url=url)
    sign_in(context.new_page(), who)
    kept = context.storage_state()
    context.close()
    return kept


def sign_in(page: Page, who: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Username").fill(who)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/datasets/")


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


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/curves/7/?x=cost", "curve-7"),
        ("/curves/7/classes", "curve-7-classes"),
        ("/datasets/3/forecasts", "forecasts-3"),
    ],
)
def test_a_chart_is_saved_as_picture_and_drawing(path, name, visit):
    context, watch = visit("engineer")
    page = context.new_page()
    page.goto(path)
    for kind in ("PNG", "SVG"):
        with page.expect_download() as saved:
            page.get_by_role("button", name=kind).click()
        assert saved.value.suggested_filename == f"{name}.{kind.lower()}"
    watch.check()
    context.close()


HIDDEN = """() => echarts.getInstanceByDom(document.getElementById("curve-chart"))
  .getOption().legend[0].selected"""
FIRST_DOT = """() => {
  const chart = echarts.getInstanceByDom(document.getElementById("curve-chart"));
  const dots = chart.getOption().series.findIndex((series) => series.type === "scatter");
  const [x, y] = chart.convertToPixel({ seriesIndex: dots }, chart.getOption().series[dots].data[0]);
  const place = document.querySelector("#curve-chart canvas").getBoundingClientRect();
  return [x + place.x, y + place.y];
}"""


def test_a_link_restores_what_was_chosen_and_what_the_legend_hides(visit):
    context, watch = visit("engineer", viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.goto("/curves/7/")
    page.get_by_label("Metric").select_option("macro_f1")
    page.get_by_label("Against").select_option("cost")
    page.get_by_label("Target, %").fill("92.5")
    page.get_by_label("“augmented”").check()
    page.wait_for_url("**others=8**")
    expect(page.get_by_role("heading", name="Macro F1")).to_be_visible()
    assert page.evaluate("document.activeElement.name") == "others"  # the form stayed where it was
    place = page.locator("#curve-chart").bounding_box()
    page.mouse.click(place["x"] + 145, place["y"] + 18)
    page.wait_for_url("**hide=One+training**")
    page.get_by_label("Scale").select_option("linear")
    page.wait_for_url("**scale=linear**hide=One+training**")
    page.reload()
    expect(page.get_by_label("Metric")).to_have_value("macro_f1")
    expect(page.get_by_label("Target, %")).to_have_value("92.5")
    assert page.evaluate(HIDDEN) == {"One training": False}
    watch.check()
    context.close()


def test_a_dot_opens_its_receipt_and_so_does_a_link(visit):
    context, watch = visit("engineer", viewport={"width": 1400, "height": 1400})
    page = context.new_page()
    page.goto("/curves/7/")
    page.mouse.click(*page.evaluate(FIRST_DOT))
    page.wait_for_url("**/trainings/*/")
    expect(page.get_by_role("heading", name="20 labels, repeat 1")).to_be_visible()
    page.go_back()
    page.get_by_text("Every training (10)").click()
    page.get_by_role("link", name="Open the receipt of 320 labels, repeat 2").press("Enter")
    expect(page.get_by_role("heading", name="320 labels, repeat 2")).to_be_visible()
    watch.check()
    context.close()


def test_a_slider_plans_and_one_click_buys(visit):
    context, watch = visit("admin", viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.goto("/curves/7/planner")
    page.get_by_label("Target, slider").fill("91")
    expect(page.locator("#need")).to_contain_text("for 91 %.")
    assert "target=91" in page.url
    page.get_by_label("Labels to buy now").fill("60")
    page.get_by_role("button", name="Put these 60 pictures into the queue").click()
    page.wait_for_url("**/jobs/*/")
    expect(page.get_by_role("heading", name="Send 60 samples of Parts")).to_be_visible()
    watch.check()
    context.close()


def test_planner_and_curve_work_without_scripts(visit):
    context, _ = visit("engineer", java_script_enabled=False)
    page = context.new_page()
    page.goto("/curves/7/planner")
    page.get_by_label("Target, %").fill("91")
    page.get_by_role("button", name="Plan").click()
    expect(page.locator("#need")).to_contain_text("for 91 %.")
    page.goto("/curves/7/")
    page.get_by_label("Metric").select_option("macro_f1")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("heading", name="Macro F1")).to_be_visible()
    context.close()
