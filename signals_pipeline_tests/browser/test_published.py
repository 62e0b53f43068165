"""Published pages in Chromium, behind CloudFront's function: every page that links lead to, wide and narrow."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from signals_pipeline.web.publication import SitePublisher
from signals_pipeline_tests.support.databases import migrated_template
from signals_pipeline_tests.support.edge_function import served_files
from signals_pipeline_tests.support.web_site import NOW, TOLD, fill, settings_of

pytestmark = pytest.mark.browser


# Tests ask for it before `browser`: Playwright keeps an event loop running, and publishing runs one of its own.
@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("published")
    url = f"sqlite:///{shutil.copy(migrated_template('sqlite'), folder / 'signals.db')}"
    fill(url)
    SitePublisher(settings_of(url, signals_publish_url=f"file://{folder}/site"), now=lambda: NOW).publish()
    with served_files(folder / "site") as opened:
        yield opened


@pytest.mark.parametrize("width", [1200, 375])
def test_a_reader_walks_through_every_published_page(address: str, browser: Browser, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, java_script_enabled=False)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    waiting, seen = [f"{address}/"], set[str]()
    while waiting:
        target = waiting.pop()
        seen.add(target)
        answer = page.goto(target)
        assert answer is not None
        assert answer.status == 200, target
        assert page.evaluate("document.documentElement.scrollWidth") <= width, target
        assert page.locator("header.top").evaluate("node => getComputedStyle(node).display") == "flex", target
        for link in page.locator("a[href]").evaluate_all("nodes => nodes.map(node => node.href.split('#')[0])"):
            # The API's answers are not pages, and news are elsewhere.
            is_page = link.startswith(address) and "/api/" not in link and not link.endswith(".json")
            if is_page and link not in seen and link not in waiting:
                waiting.append(link)
    for path in (f"/digests/{TOLD.key}", "/companies/AAA", "/signals", "/glossary"):
        assert f"{address}{path}" in seen
    assert complaints == []
    context.close()
