"""An operator's walk through Dagster's UI in Chromium, over a running deployment: see, materialise, backfill, read."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page

from signals_pipeline_tests.support.deployment import Deployment, running
from signals_pipeline_tests.support.polling import PATIENCE, until

pytestmark = [pytest.mark.browser, pytest.mark.postgres]
ASSETS = ("headlines", "sentiment", "technicals", "scores", "signals", "outcomes", "digest", "delivery", "earnings")
GROUPS = ("news", "prices", "scoring", "signals", "digest")
# Whether a plot holds a line: its axes and words are grey.
COLOURED = """plot => {
    const {data} = plot.getContext("2d").getImageData(0, 0, plot.width, plot.height)
    return data.some((red, at) => at % 4 === 0 && data[at + 3] > 128 && Math.abs(red - data[at + 2]) > 60)
}"""
ONE, FIRST, LAST = "2015-02-02-08:30", "2015-02-02-17:30", "2015-02-03-08:30"


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    """One tab, wide enough for the whole graph."""
    opened = browser.new_page(viewport={"width": 2200, "height": 1000})
    opened.set_default_timeout(1_000 * PATIENCE)
    return opened


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, page: Page) -> Iterator[Deployment]:  # noqa: ARG001 - no browser, no wait
    with running(tmp_path_factory.mktemp("operating")) as started:
        started.webserver.ask("mutation { setNuxSeen }")  # the welcome of a first visit would lie over the pages
        yield started


def launch(page: Page, deployment: Deployment, windows: str, button: str) -> None:
    """Fill in the dialog of the job and launch."""
    page.goto(f"{deployment.webserver.address}/locations/signals_pipeline/jobs/digest_job")
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    field = dialog.get_by_placeholder("ex:")
    field.fill(windows)
    field.press("Tab")
    dialog.get_by_role("button", name=button).click()


def ended(deployment: Deployment, **tags: str) -> dict[str, str]:
    """Tags of the one run that has these, when it has succeeded."""
    [run] = until(lambda: deployment.webserver.runs(**tags), f"a run with {tags}")
    assert deployment.ended(run["runId"])["status"] == "SUCCESS"
    return run["tags"]


def open_window(page: Page, deployment: Deployment, asset: str, key: str) -> None:
    page.goto(f"{deployment.webserver.address}/assets/{asset}?view=partitions&partition={quote(key)}")


def entry(page: Page, label: str) -> Locator:
    """The value beside a metadata label."""
    return page.locator("tr", has=page.get_by_text(label, exact=True)).locator("td").nth(1)


def test_the_graph_is_seen_whole(page: Page, deployment: Deployment) -> None:
    opened = quote(",".join(f"global@global:{group}" for group in GROUPS))
    page.goto(f"{deployment.webserver.address}/asset-groups?expanded={opened}")
    for asset in ASSETS:
        drawn = page.locator("svg foreignObject").get_by_text(asset, exact=True).last
        drawn.wait_for()
        box = drawn.bounding_box()
        assert box is not None, asset
        assert 0 <= box["x"] <= 2200 - box["width"], asset
        assert 0 <= box["y"] <= 1000 - box["height"], asset


def test_a_window_and_a_range_are_made_and_read(page: Page, deployment: Deployment) -> None:
    launch(page, deployment, ONE, "Launch 1 run")
    tags = ended(deployment, **{"dagster/partition": ONE})
    assert "dagster/backfill" not in tags
    launch(page, deployment, f"[{FIRST}...{LAST}]", "Launch backfill")
    tags = ended(deployment, **{"dagster/asset_partition_range_start": FIRST})
    assert tags["dagster/asset_partition_range_end"] == LAST  # one run over the range

    open_window(page, deployment, "signals", LAST)
    assert int(entry(page, "funnel/signals").inner_text()) > 0
    entry(page, "funnel").get_by_text("headlines tagged", exact=True).wait_for()  # the preview is a table

    open_window(page, deployment, "scores", LAST)
    entry(page, "score_plot").get_by_text("[Show Markdown]").click()
    picture = page.get_by_role("dialog").locator("img")
    picture.wait_for()
    assert picture.evaluate("image => image.complete && image.naturalWidth") == 640

    page.goto(f"{deployment.webserver.address}/assets/signals?view=overview")
    page.get_by_role("button", name="Plots").click()
    plots = page.locator("canvas")
    plots.first.wait_for()
    until(lambda: any(plot.evaluate(COLOURED) for plot in plots.all()), "a line over the windows")

    page.goto(f"{deployment.webserver.address}/assets/digest?view=checks&checkDetail=fit_to_send")
    page.get_by_text("nothing serious found").first.wait_for()
