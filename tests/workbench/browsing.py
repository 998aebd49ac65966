"""A browser that is signed in and watched: what it says, and whom it asks."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page

from tests.workbench.web_seed import PASSWORD

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


def storage(chromium: Browser, url: str, who: str) -> object:
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
