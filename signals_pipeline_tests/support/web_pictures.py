"""Pictures of pages as Chromium shows them: `python -m signals_pipeline_tests.support.web_pictures DATA_FOLDER FOLDER`.

DATA_FOLDER is SIGNALS_DATA_DIR after `signals run`: its database is served, and one of its digests is taken, too.
"""

import io
import shutil
import sys
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from signals_pipeline.core.digest.model import Digest
from signals_pipeline_tests.support.mail_pictures import keep, telling
from signals_pipeline_tests.support.web_server import served

Scheme = Literal["light", "dark"]


def shown(browser: Browser, address: str, width: int, height: int | None, scheme: Scheme = "light") -> Image.Image:
    """The page at an address, whole or its first `height` pixels."""
    context = browser.new_context(viewport={"width": width, "height": height or 800}, color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    shot = Image.open(io.BytesIO(page.screenshot(full_page=height is None)))
    context.close()
    return shot


def main(data: Path, folder: Path) -> None:
    """Take all pictures."""
    digests = [Digest.from_json(path.read_text()) for path in sorted((data / "digests").glob("*.json"))]
    told = [each for each in digests if each.new]
    full = max(told, key=lambda each: (telling(each), len(each.new), each.as_of))
    card = full.new[0]
    signal = f"{full.window_key}-{card.symbol}-{card.signal_type}"
    digest = (data / "digests" / f"{full.window_key.replace(':', '')}.html").resolve().as_uri()
    database = f"sqlite:///{(data / 'signals.db').resolve()}"
    with sync_playwright() as playwright, served(database, signals_link_key=None) as address:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        keep(shown(browser, digest, 720, None), folder / "digest.png")
        keep(shown(browser, f"{address}/", 960, 900), folder / "web-archive.png")
        keep(shown(browser, f"{address}/signals/{signal}", 960, None), folder / "web-signal.png")
        keep(shown(browser, f"{address}/companies/{card.symbol}", 960, None), folder / "web-company.png")
        keep(shown(browser, f"{address}/record", 375, 1400, "dark"), folder / "web-record.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
