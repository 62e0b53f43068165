"""Digest e-mails: complete, safe against hostile titles, within size and columns, deterministic."""

import re
import textwrap
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters import render
from signals_pipeline.adapters.render import MAX_HTML_BYTES, TEXT_WIDTH, render_html, render_text
from signals_pipeline.core.cards import Card
from signals_pipeline.core.digest import Digest
from signals_pipeline.core.feeds import SourceReport
from signals_pipeline.core.gates import NearMiss
from signals_pipeline.core.record import record
from signals_pipeline_tests.digest_examples import (
    WINDOWS,
    component,
    coverage,
    digest_of,
    outcome_rows,
    signal,
    story,
)

NOW = WINDOWS[6]
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, texts, and whether tags nest."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"style", "title"}:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    @property
    def links(self) -> list[str | None]:
        return [attributes["href"] for _, attributes in self.tags if "href" in attributes]


def titled(title: str, url: str = "https://news.example/1") -> Digest:
    part = story(1, 0.4, 0.1, title=title, url=url, source=title)
    each = signal(window=NOW, parts=[part, component("rsi", 0.1)], news_title=title, news_url=url)
    near = NearMiss("CCC", "threshold", 0.27, 0.5, None, title, "combined +0.27, needs 0.30")
    ledger = coverage(NOW, status="degraded", reports=(SourceReport("wire", "failed", 0, title),))
    return replace(digest_of(NOW, [each], coverage=ledger), near_misses=(near,), notes=(title,), model=title)


def everything() -> Digest:
    history = [signal("BBB", "SELL", WINDOWS[2]), signal("CCC", "BUY", WINDOWS[5])]
    flip = signal("BBB", "BUY", NOW, parts=[story(n, 0.1, 0.45, told=n == 1) for n in range(5)], technical=None)
    digest = digest_of(
        NOW,
        [signal("AAA", window=NOW), flip],
        history,
        modes={WINDOWS[2].start: "live", WINDOWS[5].start: "catch_up"},
        outcomes=outcome_rows(40),
        mode="catch_up",
        deployment="demo",
    )
    gone = replace(digest_of(NOW, (), history).still_active[0], now=0.31, horizon=1, net_return=-0.012)
    near = NearMiss("DDD", "agreement", 0.4, -0.1, 0.6, "A title", "tone and combined score disagree")
    return replace(digest, expired=(gone, replace(gone, horizon=5)), near_misses=(near,))


def hostile_cards(count: int) -> Digest:
    """Cards with the longest titles that pass the normaliser, all of characters that escaping makes longer."""
    title, url = "<&>\"'" * 60, "https://news.example/" + "a&b=" * 200
    parts = [story(n, 0.05, 0.2, title=title, url=url, source=title) for n in range(12)]
    parts += [component(name, 0.01) for name in ("rsi", "macd", "trend", "momentum", "volume")]
    example = digest_of(NOW, [signal(window=NOW, parts=parts, news_title=title)], outcomes=outcome_rows(40))
    lines = record(outcome_rows(400), label="new BUY signals, backfilled")
    card = replace(example.new[0], company=title, record=lines, sentences=("A sentence of the usual length here.",) * 6)
    cards = tuple(replace(card, symbol=f"SYM{n}") for n in range(count))
    line = digest_of(NOW, (), [signal("AAA", window=WINDOWS[2], news_title=title)]).still_active[0]
    rows = tuple(replace(line, symbol=f"ACT{n}", company=title) for n in range(count))
    return replace(example, new=cards, still_active=rows, expired=rows, notes=(title,))


def test_everything_is_in_both_parts() -> None:
    digest = everything()
    page, text = Page(render_html(digest)).text, " ".join(render_text(digest).split())
    wanted = [
        *(
            "AAA",
            "Alpha",
            "BBB",
            "Beta & Sons",
            "CCC",
            "▲",
            "BUY",
            "▼",
            "SELL",
            "flipped",
            "+0.50",
            "demo",
            "caught up",
        ),
        *("Story number 1 lifts its company", "Example Wire", "RSI +0.10", "without it", "+0.10, no signal", "+0.45"),
        *("Technicals are missing", "Flipped: this closes the SELL", "Price agrees", "fragile", "tone confidence"),
        *("All signals, backfilled", "20 of 40 (50%, 95% interval 35 to 65%), base rate 50%", "too few (n = 0)"),
        *("New BUY signals, backfilled", "8 sessions", "last 108.00 on 2024-01-11", "expires Thu 18 Jan 17:30 ET"),
        *("−1.2% after 1 session", "after 5 sessions", "now +0.31", "tone and combined score disagree", "agreement"),
        *(
            "12 headlines, 7 stories",
            "compact int8 @0123456789ab",
            "next session Fri 2024-01-12",
            "not investment advice",
        ),
        *("MIN_COMBINED_SCORE=0.3", "NEWS_STRICT_LOOKBACK=false", "MAX_SIGNALS=25", "repeats", "missed windows"),
    ]
    assert [phrase for phrase in wanted if phrase.lower() not in page.lower()] == []
    wanted.remove("without it")
    assert [phrase for phrase in wanted if phrase.lower() not in text.lower()] == []
    assert "Without “Story number 1 lifts its company”: +0.10, no signal." in text


def test_all_stories_are_in_the_text_part_and_the_rest_is_counted_in_html() -> None:
    digest = everything()
    assert "Story number 4" in render_text(digest)
    assert "2 more stories: +0.20" in Page(render_html(digest)).text


@pytest.mark.parametrize("kind", ["full", "quiet", "degraded"])
def test_the_three_kinds_tell_what_they_are(kind: str) -> None:
    ledger = coverage(NOW, status="degraded", gap_minutes=31, missing_windows=("2024-01-08-08:30",), reports=())
    digest = {
        "full": digest_of(NOW, [signal(window=NOW)]),
        "quiet": digest_of(NOW),
        "degraded": digest_of(NOW, [signal(window=NOW)], coverage=ledger),
    }[kind]
    page, text = Page(render_html(digest)).text, render_text(digest)
    assert ("Degraded. This digest may miss news" in page) == (kind == "degraded")
    assert ("DEGRADED" in text) == (kind == "degraded")
    assert ("Nothing new" in page) == (kind == "quiet") == ("NOTHING NEW" in text)
    if kind == "degraded":
        for told in ("no source was asked", "windows without a run: 2024-01-08-08:30", "31 minutes without coverage"):
            assert told in page
            assert told in text


def test_the_heading_leaves_the_tag_to_the_line_above() -> None:
    page = Page(render_html(digest_of(NOW, deployment="demo")))
    assert page.text.count("[demo]") == 0
    assert "Signals · demo Quiet: no new signals" in page.text


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=300) | st.text("<>&\"'/=`;{}%#\r\n\x00\u202e\u2066", max_size=60))
def test_no_title_becomes_markup(title: str) -> None:
    plain, hostile = (Page(render_html(titled(text))) for text in ("A title", title or "A title"))
    shape = [(tag, sorted(attributes)) for tag, attributes in plain.tags if tag not in {"p", "br", "span"}]
    assert [(tag, sorted(attributes)) for tag, attributes in hostile.tags if tag not in {"p", "br", "span"}] == shape
    assert hostile.open == []


MARKUP = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> {{ 7 * 7 }} &amp;\r\nBcc: a@b.example \u202etxt.exe\u2066"
)


def test_markup_controls_and_direction_marks() -> None:
    html, text = render_html(titled(MARKUP)), render_text(titled(MARKUP))
    page = Page(html)
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7 * 7 }} &amp; Bcc: a@b.example txt.exe" in page.text
    for part in (html, text):
        assert not re.search("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\x00\r]", part)
    html.encode()
    render_html(titled("half a pair \ud83d")).encode()


@pytest.mark.parametrize(
    "url",
    [
        *(
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "//host/x",
        ),
        *("https://", "https://a b.example", 'https://a.example/"onclick="x', "https://[bad", "mailto:a@b.example", ""),
        *("https://a.example/\u202e", "ftp://a.example", "https://a.example/" + "x" * 2000, "https://a.example/\\x"),
    ],
)
def test_only_whole_http_links_are_links(url: str) -> None:
    digest = titled("A title", url)
    links = Page(render_html(digest)).links
    assert links == (["https://a.example/"] if "\u202e" in url else [])  # a direction mark is taken out, the rest stays
    if url and not links:
        assert url not in render_text(digest)


def test_links_carry_rel_and_nothing_is_fetched() -> None:
    html = render_html(titled("A title", "https://news.example/1?a=1&b=%20"))
    page = Page(html)
    assert page.links == ["https://news.example/1?a=1&b=%20"]
    assert all(attributes["rel"] == "noopener" for tag, attributes in page.tags if tag == "a")
    assert not any({"src", "background", "action"} & set(attributes) for _, attributes in page.tags)
    assert not re.search(r"url\(|@import|<link", html)


@pytest.mark.parametrize("count", [25, 80])
def test_a_long_digest_stays_under_the_clipping_limit(count: int) -> None:
    digest = hostile_cards(count)
    html, text = render_html(digest), render_text(digest)
    assert len(html.encode()) <= MAX_HTML_BYTES
    assert "SYM0" in html
    assert "see the text part" in html
    assert f"SYM{count - 1} " in text
    assert f"ACT{count - 1} " in text
    assert Page(html).open == []


@pytest.mark.parametrize(("notes", "length"), [(1, 200_000), (400, 300), (3_000, 80)])
def test_long_remarks_are_cut_with_a_count_and_stand_in_the_text_part(notes: int, length: int) -> None:
    remarks = tuple(f"Remark {n}: " + ("R&D " * length)[:length].strip() + "." for n in range(notes))
    digest = replace(hostile_cards(25), notes=remarks)
    html, text = render_html(digest), " ".join(render_text(digest).split())
    page = Page(html).text
    assert len(html.encode()) <= MAX_HTML_BYTES
    assert "Remark 0: R&D" in page
    shown = page.count("Remark ")
    assert (f"{notes - shown:d} more remarks: see the text part of this message." in page) == (shown < notes)
    assert all(remark in text for remark in remarks[:: max(1, notes // 5)])


def test_a_cut_remark_counts_the_characters_left_out() -> None:
    remark = "word " * 1_000 + "end"
    page = Page(render_html(replace(digest_of(NOW), notes=(remark,)))).text
    ((kept, left),) = re.findall(r"((?:word ?)+)… \(([\d,]+) more characters: see the text part", page)
    assert len(kept) + int(left.replace(",", "")) == len(remark)
    short = "An ordinary remark of one sentence."
    assert f">{short}</p>" in render_html(replace(digest_of(NOW), notes=(short,)))


def test_what_cannot_be_cut_is_rendered_all_the_same() -> None:
    market = "Market closed. " * 20_000
    assert market.strip() in render_html(replace(digest_of(NOW), market=market))


@given(st.text(max_size=40) | st.text("ab  \t\x00\u202e\u00a0\u2028", max_size=12))
def test_what_is_called_clean_is_what_cleaning_leaves_as_it_is(text: str) -> None:
    cleaned = render._clean(text)  # noqa: SLF001 - a shortcut must not change a byte
    assert not render._is_clean(text) or cleaned == text  # noqa: SLF001
    assert render._clean(cleaned) == cleaned  # noqa: SLF001


@given(st.text(st.sampled_from("ab -\u00a0…"), max_size=90) | st.text(max_size=90), st.integers(0, 8))
def test_wrapping_is_that_of_the_standard_library(text: str, indent: int) -> None:
    space = " " * indent
    wanted = textwrap.fill(text, TEXT_WIDTH, initial_indent=space, subsequent_indent=space, break_on_hyphens=False)
    assert render._wrap(text, indent) == wanted  # noqa: SLF001


def test_twenty_five_ordinary_cards_are_told_in_full() -> None:
    digest = everything()
    cards = tuple(replace(digest.new[0], symbol=f"SYM{n}") for n in range(25))
    html = render_html(replace(digest, new=cards))
    assert len(html.encode()) <= MAX_HTML_BYTES
    assert all(f"<b>{each.symbol}</b>" in html for each in cards)


def test_text_fits_its_columns_but_for_links() -> None:
    for digest in (everything(), hostile_cards(3), titled("word " * 60)):
        lines = [line for line in render_text(digest).splitlines() if "://" not in line]
        assert max(map(len, lines)) <= TEXT_WIDTH
        assert not any(line != line.rstrip() for line in lines)


def test_the_same_digest_gives_the_same_bytes() -> None:
    digest = everything()
    again = Digest.from_json(digest.to_json())
    assert (render_html(again), render_text(again)) == (render_html(digest), render_text(digest))


def test_the_funnel_is_told_in_the_order_of_its_gates() -> None:
    funnel = {"signals": 1, "candidates": 2, "headlines_tagged": 9, "another": 3}
    page = Page(render_html(replace(digest_of(NOW), funnel=funnel))).text
    assert "headlines tagged 9 → candidates 2 → signals 1 → another 3" in page  # split() makes its hard spaces plain


def test_the_bar_adds_up() -> None:
    for card in (*everything().new, *everything().changed):
        parts = render._bar(card, 3)  # noqa: SLF001 - the drawing is only visible to eyes
        assert abs(sum(percent for _, percent in parts) - 100) <= len(parts)


def drawn(*closes: float) -> str:
    return render._spark(closes)  # noqa: SLF001


def test_the_price_line() -> None:
    assert drawn(1.0, 2.0, 3.0, 4.0, 5.0) == "▁▅█"
    assert drawn(7.0, 7.0, 7.0) == "▁▁"
    assert drawn(7.0) == "▁"


def test_cards_without_bars_or_stories() -> None:
    card: Card = replace(digest_of(NOW, [signal(window=NOW)]).new[0], closes=(), sessions=())
    digest = replace(digest_of(NOW), new=(card,))
    assert "sessions +" not in Page(render_html(digest)).text
    price = signal(window=NOW, parts=[component("trend", 0.5)], source="technical", news_title="", news_url="")
    page = Page(render_html(digest_of(NOW, [price]))).text
    assert "Price +0.50 (trend +0.50)" in page
    flat = signal(window=NOW, parts=[component("trend", 0.0)], source="technical")
    assert "Price 0.00 (trend 0.00)" in Page(render_html(digest_of(NOW, [flat]))).text


def contrast(one: str, other: str) -> float:
    """WCAG 2.1 contrast ratio of two #rrggbb colours."""
    shades = []
    for colour in (one, other):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        shades.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(shades) + 0.05) / (min(shades) + 0.05)


def test_every_text_colour_has_contrast_aa_in_light_and_dark() -> None:
    style = (Path(render.__file__).parent / "templates" / "style.html").read_text()
    light, dark = style.split("prefers-color-scheme: dark")
    for sheet in (light, dark):
        ground = re.findall(r"\.body \{[^}]*background: (#\w{6})", sheet)[0]
        texts: list[Any] = re.findall(r"[ {;]color: (#\w{6})", sheet)
        decoration = {"#768390"}  # the price line, said in words below it
        assert len(set(texts)) >= 4
        assert all(contrast(ground, colour) >= (3 if colour in decoration else 4.5) for colour in texts)
