"""Mails as Chromium computes them: contrast of every text in light and dark, no text cut off on a phone."""

from typing import Any, Literal

import pytest
from playwright.sync_api import Browser

from signals_pipeline.adapters.mail.message import digest_message, failure_message
from signals_pipeline_tests.support.contrast import AA, TEXTS
from signals_pipeline_tests.support.digest_examples import digest_of, signal
from signals_pipeline_tests.support.digest_pages import NOW, WINDOWS, busy, everything
from signals_pipeline_tests.support.mail_pictures import ENVELOPE, LINKS, hostile, page_of

pytestmark = pytest.mark.browser
"""WCAG 2.1, 1.4.3: least contrast of a text with its ground."""

MAILS = {
    "full": lambda: digest_message(everything(), ENVELOPE, LINKS),
    "busy": lambda: digest_message(busy(25), ENVELOPE, LINKS),
    "five hundred signals": lambda: digest_message(busy(500), ENVELOPE, LINKS),
    "quiet": lambda: digest_message(digest_of(NOW, (), [signal("BBB", "SELL", WINDOWS[2])]), ENVELOPE, LINKS),
    "degraded and hostile": lambda: digest_message(hostile(), ENVELOPE, LINKS),
    "failed": lambda: failure_message(NOW, "Stage headlines: no source answered", ENVELOPE, LINKS),
}


def texts(
    browser: Browser, html: str, width: int, scheme: Literal["light", "dark"]
) -> tuple[list[dict[str, Any]], int]:
    """Every visible text with its contrast, and the width that the page needs."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.set_content(html)
    found = page.evaluate(TEXTS)
    needed = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    return found, needed


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", MAILS)
def test_every_text_has_contrast_aa_and_fits(browser: Browser, name: str, scheme: Literal["light", "dark"]) -> None:
    html = page_of(MAILS[name]())
    for width in (600, 375):
        found, needed = texts(browser, html, width, scheme)
        assert len(found) > 5
        assert len({each["colour"] for each in found}) >= 2
        assert [each for each in found if each["contrast"] < AA] == []
        assert needed <= width


def test_with_pictures_blocked_their_words_have_contrast_too(browser: Browser) -> None:
    html = page_of(MAILS["full"]()).replace("data:image/png", "blocked:")
    found, needed = texts(browser, html, 600, "dark")
    assert min(each["contrast"] for each in found) >= AA
    assert any(each["text"] == "Chart of these prices with the signal marked" for each in found)
    assert needed <= 600
