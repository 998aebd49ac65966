"""Curves, planner and ledger in a real browser: clicks, keys and sliders, and what the address keeps."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


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
