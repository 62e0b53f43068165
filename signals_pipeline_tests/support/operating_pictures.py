"""Pictures of Dagster's UI over the sample: `python -m signals_pipeline_tests.support.operating_pictures FOLDER`.

Takes the asset graph, the page of a window that has signals, and the page of a check, as docs/operating.md shows them.
"""

import io
import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import FloatRect, Page, sync_playwright

from signals_pipeline_tests.support.deployment import running
from signals_pipeline_tests.support.mail_pictures import keep
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS
from signals_pipeline_tests.support.polling import PATIENCE

GROUPS = ("news", "prices", "scoring", "signals", "digest")
WINDOW = "2015-01-27-08:30"
STATES = "AssetGraphLiveQuery"  # what the page asks for the colours of the graph
AFTERWARDS = SAMPLE_WINDOWS[-1].end + timedelta(days=1)
HEIGHT = 1480  # of a window's page: down to the last gate
NAVIGATION = 240  # pixels of Dagster's own menu at the left
WHOLE: FloatRect = {"x": 0, "y": 0, "width": 1500, "height": 950}


def shot(page: Page, clip: FloatRect) -> Image.Image:
    """A part of the page, in pixels, as it stands."""
    return Image.open(io.BytesIO(page.screenshot(clip=clip)))


def graph(page: Page, address: str) -> Image.Image:
    """The whole graph, its groups open."""
    page.set_viewport_size({"width": 2200, "height": 1000})
    opened = quote(",".join(f"global@global:{group}" for group in GROUPS))
    with page.expect_response(lambda answer: STATES in (answer.request.post_data or "")):
        page.goto(f"{address}/asset-groups?expanded={opened}")
    page.locator("svg foreignObject").get_by_text("delivery", exact=True).last.wait_for()
    page.wait_for_load_state("networkidle")
    boxes = [each.bounding_box() for each in page.locator("svg foreignObject").all()]
    seen = [box for box in boxes if box is not None]
    left, top = min(box["x"] for box in seen) - 20, min(box["y"] for box in seen) - 20
    right = max(box["x"] + box["width"] for box in seen) + 20
    bottom = max(box["y"] + box["height"] for box in seen) + 20
    return shot(page, {"x": left, "y": top, "width": right - left, "height": bottom - top})


def window(page: Page, address: str) -> Image.Image:
    """What a window's signals say of themselves."""
    page.set_viewport_size({"width": 1600, "height": HEIGHT})
    page.goto(f"{address}/assets/signals?view=partitions&partition={quote(WINDOW)}")
    page.get_by_text("headlines tagged", exact=True).wait_for()
    return shot(page, {"x": NAVIGATION, "y": 0, "width": 1600 - NAVIGATION, "height": HEIGHT})


def check(page: Page, address: str) -> Image.Image:
    """The checks of the signals, and one of them."""
    page.set_viewport_size({"width": int(WHOLE["width"]), "height": int(WHOLE["height"])})
    page.goto(f"{address}/assets/signals?view=checks&checkDetail=schema")
    page.get_by_text("columns as declared").first.wait_for()
    page.wait_for_load_state("networkidle")
    return shot(page, WHOLE)


def main(folder: Path) -> None:
    """Run the recorded weeks and take the pictures."""
    with (
        tempfile.TemporaryDirectory() as home,
        sync_playwright() as playwright,
        running(Path(home), AFTERWARDS, SIGNALS_DEPLOYMENT="demo") as deployment,
    ):
        web = deployment.webserver
        web.ask("mutation { setNuxSeen }")
        assert deployment.ended(web.launch(SAMPLE_WINDOWS[0], SAMPLE_WINDOWS[-1]))["status"] == "SUCCESS"
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(1_000 * PATIENCE)
        keep(graph(page, web.address), folder / "asset-graph.png")
        keep(window(page, web.address), folder / "asset-page.png")
        keep(check(page, web.address), folder / "operating-checks.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
