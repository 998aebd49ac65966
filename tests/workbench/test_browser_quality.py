"""Findings about pictures, by hand: looked at, dismissed, listed again."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_picture_that_is_fine_leaves_the_list_and_comes_back(visit):
    context, watch = visit("admin")
    page = context.new_page()
    page.goto("/datasets/1/quality")
    page.get_by_role("link", name="Odd shape 1").click()
    box = page.get_by_role("checkbox", name="Odd shape")
    page.get_by_role("button", name="These are fine").click()
    expect(page.get_by_text("Choose some pictures.")).to_be_visible()
    expect(box).to_have_count(1)
    box.check()
    page.get_by_role("button", name="These are fine").click()
    expect(box).to_have_count(0)
    page.get_by_role("link", name="Dismissed 2").click()
    box.check()
    page.get_by_role("button", name="List these again").click()
    expect(page.get_by_role("link", name="Dismissed 1")).to_be_visible()
    page.get_by_role("link", name="Odd shape 1").click()
    expect(box).to_have_count(1)
    watch.check()
    context.close()
