"""The two parts of a mail say the same, and 25 signals of a busy day fit into 90,000 bytes."""

import re
from collections import Counter
from dataclasses import replace
from email.message import EmailMessage

import pytest

from signals_pipeline.adapters.mail.message import MAX_MESSAGE_BYTES, digest_message, failure_message
from signals_pipeline.core.digest.model import CorrectedLine, Digest
from signals_pipeline.core.digest.wording import headline, preheader
from signals_pipeline.core.news.feeds import SourceReport
from signals_pipeline_tests.support.digest_examples import KNOBS, WINDOWS, coverage, digest_of, signal
from signals_pipeline_tests.support.digest_pages import NOW, TITLES, Page, busy, everything, hostile_cards, titled
from signals_pipeline_tests.support.mails import ENVELOPE, LINKS, body, mail_of, read

CORRECTED = CorrectedLine(
    symbol="EEE",
    company="Epsilon",
    signal_type="BUY",
    combined_score=0.61,
    without=0.17,
    with_new=None,
    sentences=("“A title” was withdrawn.",),
    decided_at=WINDOWS[2].end,
    known_at=WINDOWS[4].end,
)
TROUBLE = coverage(
    NOW,
    status="degraded",
    gap_minutes=31,
    missing_windows=(WINDOWS[4].key,),
    reports=(SourceReport("wire", "ok", 12), SourceReport("newsapi", "failed", 0, "no answer in 30 s")),
)


def composed(digest: Digest) -> Digest:
    """The digest with the subject and the preheader of the cards that a test put into it."""
    cards = (*digest.new, *digest.changed, *digest.from_missed)
    return replace(digest, subject=headline(digest), preheader=preheader(cards, (), NOW, KNOBS))


DIGESTS: dict[str, Digest] = {
    "full": replace(everything(), corrected=(CORRECTED,), notes=("A remark with 12,345 in it.",)),
    "quiet": digest_of(NOW, (), [signal("BBB", "SELL", WINDOWS[2])]),
    "degraded": digest_of(NOW, [signal(window=NOW)], coverage=TROUBLE),
    "hostile": titled("A <b>title</b> & more"),
    "busy": composed(busy(25)),
    "long": composed(hostile_cards(25)),
}
WHOLE = ("full", "quiet", "degraded", "hostile")
"""Digests whose mail has room for everything; of a longer one both parts show less, each in its own way."""
# What HTML says of itself: links by their words, stories and remarks that it only counts.
OF_THE_PAGE = {"read", "it", "on", "the", "web", "unsubscribe", "more", "stories", "remarks", "characters", "see"}
OF_THE_PAGE |= {"text", "part", "of", "this", "message", "without", "·", "⚠", "and", "yes", "no"}
OF_THE_PAGE |= {"charts", "ring", "=", "headline", "dot", "signal"}
COUNTED = re.compile(r"\d+ more(?: stories: [+−]\d\.\d\d| remarks)?|[\w“\"'<>&;]+…|\([\d,]+ more characters")


def words(text: str) -> list[str]:
    """Words and figures, without the marks around them."""
    bare = (word.strip("“”\"'()[],;:.…?!’`").casefold() for word in text.replace("’", "'").split())
    return [word for word in bare if word]


def missing(html: str, text: str) -> set[str]:
    """What a reader of the HTML learns and a reader of the text does not."""
    return set(words(COUNTED.sub(" ", " ".join(" ".join(Page(html).texts).split())))) - set(words(text)) - OF_THE_PAGE


@pytest.mark.parametrize("name", WHOLE)
def test_every_word_and_figure_of_the_html_is_in_the_text(name: str) -> None:
    mail = mail_of(DIGESTS[name])
    assert missing(body(mail, "html"), body(mail, "plain")) == set()


def test_every_word_of_a_failure_notice_is_in_its_text() -> None:
    mail = read(failure_message(NOW, "Stage headlines: no source answered", ENVELOPE, LINKS))
    assert missing(body(mail, "html"), body(mail, "plain")) == set()


def test_card_by_card_the_figures_of_the_html_are_in_the_text() -> None:
    mail = mail_of(DIGESTS["full"])
    html, text = COUNTED.sub("", Page(body(mail, "html")).text), " ".join(body(mail, "plain").split())
    cards = (*DIGESTS["full"].new, *DIGESTS["full"].changed, *DIGESTS["full"].from_missed)
    assert len(cards) == 3
    for card in cards:
        # The card follows the summary, which has the symbol as well.
        one = re.findall(rf"[▲▼] \w+ {card.symbol} (?:(?![▲▼]).)*?Until \w+ \d+ \w+", html)[-1]
        other = re.findall(rf"[▲▼] \w+ {card.symbol} (?:(?![▲▼]).)*?Holds until .*? ET", text)[-1]
        figures = r"[+−]?\d+[.,:\d]*\d%?"
        assert set(re.findall(figures, one)) <= set(re.findall(figures, other))
        assert f"{card.confidence_score:.2f}" in other


def test_twenty_five_signals_of_a_busy_day_are_all_shown_with_links() -> None:
    digest = DIGESTS["busy"]
    content = digest_message(digest, ENVELOPE, LINKS)
    assert len(content) <= MAX_MESSAGE_BYTES
    html, text = body(read(content), "html"), body(read(content), "plain")
    page = Page(html)
    elsewhere = re.findall(r"\bSYM\d+", digest.subject + digest.preheader)
    cards = [card.symbol for card in digest.new]
    # Once in the summary and once on its card.
    assert Counter(re.findall(r"\bSYM\d+", page.text)) == Counter(cards) + Counter(cards) + Counter(elsewhere)
    assert len(elsewhere) == 6
    assert set(re.findall(r"BUY (SYM\d+)", text)) == set(cards)
    # Each has its leading story with its link and its question in HTML, its leading story in the text.
    assert page.text.count(TITLES[0][:60]) == 25 + 1  # and in the preheader
    assert sum(str(link).startswith("https://www.marketnews.example/") for link in page.links) == 25
    assert page.text.count("Useful?") == 25
    assert text.count(TITLES[0][:60]) == 25


@pytest.mark.parametrize("name", DIGESTS)
def test_both_parts_show_the_same_signals(name: str) -> None:
    digest = DIGESTS[name]
    mail = mail_of(digest)
    html, text = (set(re.findall(r"[▲▼]\s+(?:BUY|SELL)\s+(\S+)", part)) for part in parts_of(mail))
    cards = {card.symbol for card in (*digest.new, *digest.changed, *digest.from_missed)}
    assert html & cards == text & cards
    # Of earlier signals a mail for phones shows the first, and counts the others.
    assert html <= text


def parts_of(mail: EmailMessage) -> tuple[str, str]:
    return Page(body(mail, "html")).text, body(mail, "plain")


@pytest.mark.parametrize("name", DIGESTS)
def test_every_card_that_is_shown_asks_whether_it_was_useful(name: str) -> None:
    digest = DIGESTS[name]
    page = Page(body(mail_of(digest), "html"))
    cards = len(re.findall(r"Until \w+ \d+ \w+ · Useful\?", page.text))
    asked = {str(link).partition("?")[0] for link in page.links if "/feedback/" in str(link)}
    assert len(asked) == cards
    assert cards == (len((*digest.new, *digest.changed, *digest.from_missed)) if name != "long" else 16)


@pytest.mark.parametrize("name", DIGESTS)
def test_no_mail_to_a_reader_shows_backticks_or_commands(name: str) -> None:
    mail = mail_of(DIGESTS[name])
    for text in (body(mail, "html"), body(mail, "plain")):
        assert "`" not in text
        assert not re.search(r"\bsignals (run|doctor|mail|prune|migrate|compose|publish)\b", text)
