"""One Chromium for the tests of a file."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

MISSING = "no Chromium: `apt-get install chromium` or `.venv/bin/playwright install chromium`"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        try:
            opened = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        except Error as error:
            pytest.skip(f"{MISSING} ({error.message.splitlines()[0]})")
        yield opened
        opened.close()
