"""A reader's walk in Chromium: archive, digest, signal, record, links of a mail; wide and narrow, light and dark."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from signals_pipeline.core.digest import links
from signals_pipeline_tests.support.contrast import AA, TEXTS
from signals_pipeline_tests.support.databases import migrated_template
from signals_pipeline_tests.support.digest_pages import hostile_cards
from signals_pipeline_tests.support.web_server import served
from signals_pipeline_tests.support.web_site import KEY, NOW, TOLD, fill, tell

pytestmark = pytest.mark.browser
SIZES = [(1200, "light"), (1200, "dark"), (375, "light"), (375, "dark")]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("browser") / "signals.db"
    url = f"sqlite:///{shutil.copy(migrated_template('sqlite'), path)}"
    fill(url)
    with served(url) as opened:
        yield opened


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Callable[[int, str, str], Page]]:
    """Opens a path of the site without JavaScript; a page that complains or asks elsewhere fails its test."""
    contexts, complaints, requests = [], [], list[str]()

    def opened(width: int, scheme: str, path: str) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,  # pyright: ignore[reportArgumentType]
            java_script_enabled=False,
            base_url=address,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda asked: requests.append(asked.url))
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert [each for each in requests if not each.startswith(address)] == []


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_from_the_archive_to_the_record(open_page: Callable[[int, str, str], Page], width: int, scheme: str) -> None:
    page = open_page(width, scheme, "/")
    assert page.title() == "Digests - Signals"
    assert page.locator("ul.rows > li").count() == 6
    page.locator("a.newest").click()
    assert page.url.endswith(f"/digests/{TOLD.key}")
    assert page.locator("h1").inner_text() == "▲ AAA · 1 new"
    card = page.locator("article.card")
    assert "BUY AAA Alpha" in card.locator("h3").inner_text().replace("\xa0", " ").replace("▲ ", "")
    assert card.locator("svg.bar rect").count() == 4
    card.get_by_role("link", name="AAA", exact=True).click()
    assert page.url.endswith(f"/signals/{TOLD.key}-AAA-BUY")
    assert page.get_by_text("Not known yet: 10 sessions.").is_visible()
    assert page.get_by_role("img", name="Closes from").is_visible()
    assert page.get_by_text("Miss", exact=False).count() == 3
    page.get_by_role("link", name="Record").click()
    assert page.url.endswith("/record")
    assert page.get_by_role("heading", name="Does a larger score do better?").is_visible()
    page.get_by_role("link", name="Signals", exact=True).click()
    assert page.title() == "Digests - Signals"


@pytest.mark.parametrize("width", [1200, 375, 320])
def test_no_page_is_wider_than_its_window(open_page: Callable[[int, str, str], Page], width: int) -> None:
    page = open_page(width, "light", "/")
    for path in ("/", f"/digests/{TOLD.key}", f"/signals/{TOLD.key}-AAA-BUY", "/record", "/docs", unsubscribe()):
        page.goto(path)
        box = page.locator("main").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert page.locator("body").evaluate("body => body.scrollWidth") <= width


def test_colours_follow_the_readers_scheme(open_page: Callable[[int, str, str], Page]) -> None:
    shades = {}
    for scheme in ("light", "dark"):
        main = open_page(1200, scheme, "/").locator("main")
        shades[scheme] = main.evaluate("main => getComputedStyle(main).backgroundColor")
    assert shades == {"light": "rgb(255, 255, 255)", "dark": "rgb(24, 28, 33)"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast_aa(open_page: Callable[[int, str, str], Page], scheme: str) -> None:
    page = open_page(1200, scheme, "/")
    for path in ("/", f"/digests/{TOLD.key}", f"/signals/{TOLD.key}-AAA-BUY", "/record", "/docs", unsubscribe()):
        page.goto(path)
        found = page.evaluate(TEXTS)
        assert len(found) > 5
        assert [each for each in found if each["contrast"] < AA] == []


def unsubscribe() -> str:
    return links.unsubscribe_url("", "reader@example.org", as_of=NOW, key=KEY)


def test_a_reader_unsubscribes_and_says_what_was_useful(open_page: Callable[[int, str, str], Page]) -> None:
    page = open_page(375, "light", unsubscribe())
    page.get_by_role("button", name="Unsubscribe reader@example.org").click()
    assert page.locator("h1").inner_text() == "Unsubscribed"
    fields = links.FeedbackFields(TOLD.key, "AAA", "BUY", links.recipient_hash("reader@example.org", key=KEY))
    page = open_page(375, "light", links.feedback_url("", fields, "useful", as_of=NOW, key=KEY))
    page.get_by_role("button", name="Not useful").click()
    assert page.get_by_text("Your feedback is recorded: AAA was not useful.").is_visible()
    page.go_back()
    page.get_by_role("button", name="Useful", exact=True).click()
    assert page.get_by_text("Your feedback is changed: AAA was useful. It replaces your earlier answer.").is_visible()


def test_hostile_titles_neither_run_nor_break_the_layout(browser: Browser, tmp_path: Path) -> None:
    url = f"sqlite:///{shutil.copy(migrated_template('sqlite'), tmp_path / 'signals.db')}"
    digest = hostile_cards(25)
    tell(url, digest)
    with served(url) as address:
        context = browser.new_context(viewport={"width": 375, "height": 800}, base_url=address)
        page = context.new_page()
        dialogs: list[str] = []
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        page.goto(f"/digests/{digest.window_key}")
        assert page.locator("article.card").count() == 25
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        assert dialogs == []
        context.close()
