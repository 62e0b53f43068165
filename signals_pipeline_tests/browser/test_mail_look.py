"""Mails as Chromium computes them: contrast of every text in light and dark, no text cut off on a phone."""

from dataclasses import replace
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser

from signals_pipeline.adapters.mail.message import digest_message, failure_message
from signals_pipeline_tests.support.contrast import AA, TEXTS
from signals_pipeline_tests.support.digest_examples import digest_of, signal
from signals_pipeline_tests.support.digest_pages import NOW, WINDOWS, busy, everything, four_signals
from signals_pipeline_tests.support.mail_pictures import ENVELOPE, LINKS, hostile, page_of

pytestmark = pytest.mark.browser
"""WCAG 2.1, 1.4.3: least contrast of a text with its ground."""

PHONE = (375, 812)
PHONE_FONT = '* { font-family: "DejaVu Sans Condensed" !important }'
"""A font of this machine as wide as those of phones (Roboto, San Francisco); DejaVu Sans itself is a sixth wider."""

MAILS = {
    "full": lambda: digest_message(everything(), ENVELOPE, LINKS),
    "four": lambda: digest_message(four_signals(), ENVELOPE, LINKS),
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
    assert any(each["text"] == "Chart of these prices with the headline and the signal marked" for each in found)
    assert needed <= 600


def phone_screens(browser: Browser, html: str) -> float:
    """How many screens of a phone a mail takes."""
    width, height = PHONE
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.set_content(html)
    page.add_style_tag(content=PHONE_FONT)
    needed: int = page.evaluate("document.documentElement.scrollHeight")
    context.close()
    return needed / height


def test_four_signals_take_two_and_a_half_screens_of_a_phone_and_a_quiet_mail_one(browser: Browser) -> None:
    four = four_signals()
    html = page_of(digest_message(four, ENVELOPE, LINKS))
    # All that the length is made of is there: summary, four cards with charts, earlier signals, record.
    assert [len(four.new), html.count("<img"), "Still active" in html, "95% interval" in html] == [4, 4, True, True]
    assert phone_screens(browser, html) <= 2.5

    history = [signal(f"ACT{n}", "SELL", WINDOWS[2]) for n in range(8)]
    quiet = digest_of(NOW, (), history)
    active = tuple(replace(line, horizon=3, net_return=-0.039, raw_return=0.044) for line in quiet.still_active)
    html = page_of(digest_message(replace(quiet, still_active=active), ENVELOPE, LINKS))
    assert "And 3 more" in html
    assert phone_screens(browser, html) <= 1


def test_the_summary_comes_before_the_first_card_and_fits_the_first_screen(browser: Browser) -> None:
    context = browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]})
    page = context.new_page()
    page.set_content(page_of(digest_message(four_signals(), ENVELOPE, LINKS)))
    bottom: float = page.evaluate("document.querySelector('table.rows').getBoundingClientRect().bottom")
    first_card: float = page.evaluate("document.querySelector('td.h').getBoundingClientRect().top")
    rows: int = page.evaluate("document.querySelector('table.rows').rows.length")
    context.close()
    assert rows == 4
    assert bottom <= first_card
    assert bottom <= PHONE[1]
