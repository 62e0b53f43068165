"""Pages with scripts in Chromium: no finding of axe, charts by keyboard and pointer, a search that narrows."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from signals_pipeline_tests.support.databases import migrated_template
from signals_pipeline_tests.support.web_server import served
from signals_pipeline_tests.support.web_site import KEY, NOW, TOLD, WATCHLIST, add_prices, fill

pytestmark = pytest.mark.browser
# Deque's checks of accessibility, version 4.14.1, as its authors published it.
AXE = (Path(__file__).parents[1] / "data" / "axe-core-4.14.1" / "axe.min.js").read_text()
PATHS = (
    "/",
    f"/digests/{TOLD.key}",
    f"/signals/{TOLD.key}-AAA-BUY",
    "/signals",
    "/signals?signal_type=SELL",
    "/companies",
    "/companies?q=delta",
    "/companies/AAA",
    "/glossary",
    "/record",
    "/docs",
    "/nowhere",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("lookup")
    url = f"sqlite:///{shutil.copy(migrated_template('sqlite'), folder / 'signals.db')}"
    fill(url)
    add_prices(url)
    (folder / "watchlist.yaml").write_text(WATCHLIST)
    changes = {"signals_deployment": "local", "signals_watchlist": folder / "watchlist.yaml"}
    with served(url, signals_link_key=KEY, **changes) as opened:
        yield opened


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens a path of the site; a page that complains, fails or asks elsewhere fails its test."""
    contexts, complaints, requests = [], list[str](), list[str]()

    def opened(path: str, width: int = 1200, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,  # pyright: ignore[reportArgumentType]
            base_url=address,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: requests.append(asked.url))
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [each for each in complaints if "404" not in each] == []
    assert [each for each in requests if not each.startswith(address)] == []


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (375, "dark")])
def test_axe_finds_nothing(open_page: Callable[..., Page], width: int, scheme: str) -> None:
    page = open_page("/", width, scheme)
    for path in PATHS:
        page.goto(path)
        page.evaluate(AXE)
        found = page.evaluate("async () => (await axe.run()).violations.map(each => [each.id, each.nodes[0].html])")
        assert found == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_a_chart_is_read_by_keyboard_and_pointer(open_page: Callable[..., Page]) -> None:
    page = open_page(f"/signals/{TOLD.key}-AAA-BUY")
    chart = page.locator("figure .plot")
    assert page.locator("figure canvas").count() == 1
    assert not page.locator("figure > svg").is_visible()
    words = page.locator("figure output")
    chart.focus()
    page.keyboard.press("ArrowLeft")
    # The session before the newest one: Wednesday, position 63 of those stored.
    assert words.inner_text() == f"Wed, 28 Feb 2024: {(201 + 63) / 2:.2f}"
    page.keyboard.press("End")
    assert words.inner_text() == f"Thu, 29 Feb 2024: {(201 + 64) / 2:.2f}"
    page.keyboard.press("Home")
    assert words.inner_text().startswith("Fri, 1 Dec 2023")
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    assert words.inner_text() not in {"", f"Fri, 1 Dec 2023: {201 / 2:.2f}"}


def test_the_marked_session_says_its_signal(open_page: Callable[..., Page]) -> None:
    page = open_page("/companies/AAA")
    page.locator("figure .plot").focus()
    page.keyboard.press("Home")
    words = [page.locator("figure output").inner_text()]
    for _ in range(64):
        page.keyboard.press("ArrowRight")
        words.append(page.locator("figure output").inner_text())
    assert sum("then ▲ BUY" in each for each in words) == 1


def test_a_search_narrows_while_it_is_typed(open_page: Callable[..., Page]) -> None:
    page = open_page("/companies")
    rows = page.locator("li[data-company]")
    assert rows.count() == 3
    page.get_by_label("Symbol or name").fill("del son")
    assert [row for row in rows.all() if row.is_visible()] != []
    assert page.locator("li[data-company]:visible").all_inner_texts()[0].startswith("no signal yet")
    assert page.locator("li[data-company]:visible").count() == 1
    page.get_by_label("Symbol or name").fill("zzz")
    assert page.get_by_role("status").is_visible()
    page.get_by_label("Symbol or name").press("Enter")
    page.wait_for_url("**/companies?q=zzz")
    assert page.get_by_text("0 of 3 companies match").is_visible()


def test_without_scripts_the_chart_is_a_picture_and_the_filter_a_form(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=address)
    page = context.new_page()
    page.goto(f"/signals/{TOLD.key}-AAA-BUY")
    assert page.get_by_role("img", name="Closes from Fri 1 Dec 2023").is_visible()
    page.goto("/signals")
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Direction").select_option("SELL")
    page.get_by_label("To").fill(NOW.date().isoformat())
    page.get_by_role("button", name="Show").click()
    assert page.locator("h1").inner_text() == f"Signals: SELL to {NOW.date()}"
    assert page.locator("ul.rows > li").count() == 1
    context.close()
