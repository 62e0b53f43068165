"""Digest e-mails: complete, the same in both parts, legible, deterministic."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from signals_pipeline.adapters.rendering import digest as render
from signals_pipeline.adapters.rendering.digest import render_html, render_text
from signals_pipeline.core.digest.model import Card, Digest
from signals_pipeline.core.signals.decision import NearMiss
from signals_pipeline_tests.support.colours import contrast
from signals_pipeline_tests.support.digest_examples import WINDOWS, component, coverage, digest_of, signal, story
from signals_pipeline_tests.support.digest_pages import NOW, Page, everything

BOTH = (lambda digest: Page(render_html(digest)).text, lambda digest: " ".join(render_text(digest).split()))


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
        *("Story number 1 lifts its company", "Example Wire", "RSI 55", "without it", "+0.10, no signal", "+0.45"),
        *(
            "No technical score",
            "Flipped: this signal closes the SELL",
            "Price agrees",
            "single story",
            "tone confidence",
        ),
        *("All signals, backfilled", "20 of 40 (50%, 95% interval 35 to 65%), base rate 50%", "No live record yet."),
        *("New BUY signals, backfilled", "8 sessions", "last 108.00 on Thu 11 Jan", "Holds until Thu 18 Jan 17:30 ET"),
        *(
            "lost 1.2% against the market after 1 session",
            "after 5 sessions",
            "now +0.31",
            "price disagrees and outweighs a tone of −0.10",
        ),
        *(
            "12 headlines, 7 stories",
            "compact int8 @0123456789ab",
            "next session Fri 12 Jan",
            "not investment advice",
        ),
        *(
            "Minimum combined score (absolute) 0.3",
            "No news from before that lookback no",
            "Maximum signals per digest 25",
            "missed windows",
        ),
    ]
    assert [phrase for phrase in wanted if phrase.lower() not in page.lower()] == []
    wanted.remove("without it")
    assert [phrase for phrase in wanted if phrase.lower() not in text.lower()] == []
    assert "Without “Story number 1 lifts its company”: +0.10, no signal." in text


def test_five_stories_are_in_both_parts() -> None:
    digest = everything()
    assert "Story number 4" in render_text(digest)
    assert "Story number 4" in Page(render_html(digest)).text


def test_a_card_shows_five_stories_and_how_often_each_was_reported() -> None:
    stories = [story(number, 0.1, 0.1, headlines=15) for number in range(1, 8)]
    digest = digest_of(NOW, [signal(window=NOW, parts=stories)])

    text = " ".join(render_text(digest).split())

    assert "Story number 5" in text
    assert "Story number 6" not in text
    assert "2 more stories: +0.20" in text
    assert "Also reported by 14" in text
    assert "also reported by 14" in Page(render_html(digest)).text


@pytest.mark.parametrize("kind", ["full", "quiet", "degraded"])
def test_each_kind_says_what_it_is(kind: str) -> None:
    ledger = coverage(NOW, status="degraded", gap_minutes=31, missing_windows=("2024-01-08-08:30",), reports=())
    digest = {
        "full": digest_of(NOW, [signal(window=NOW)]),
        "quiet": digest_of(NOW),
        "degraded": digest_of(NOW, [signal(window=NOW)], coverage=ledger),
    }[kind]
    page, text = Page(render_html(digest)).text, render_text(digest)
    assert ("Degraded. This digest may be missing news" in page) == (kind == "degraded")
    assert ("DEGRADED" in text) == (kind == "degraded")
    assert ("Nothing new" in page) == (kind == "quiet") == ("NOTHING NEW" in text)
    if kind == "degraded":
        for reason in (
            "no source was queried",
            "windows without a run: from Mon 8 Jan 08:30 ET",
            "31 min without coverage",
        ):
            assert reason in page
            assert reason in text


def test_the_heading_leaves_the_tag_to_the_line_above() -> None:
    page = Page(render_html(digest_of(NOW, deployment="demo")))
    assert page.text.count("[demo]") == 0
    assert "Signals · demo Quiet: no new signals" in page.text


def test_the_same_digest_gives_the_same_bytes() -> None:
    digest = everything()
    again = Digest.from_json(digest.to_json())
    assert (render_html(again), render_text(again)) == (render_html(digest), render_text(digest))


def test_gates_and_settings_have_names() -> None:
    funnel = {"signals": 1, "candidates": 2, "headlines_tagged": 1_234, "another_count": 3}
    digest = replace(digest_of(NOW), funnel=funnel)
    for rendering in (part(digest) for part in BOTH):
        rows = "Headlines naming a watchlist company 1,234 Passed every test 2 Signals in this digest 1 Another count 3"
        assert rows in rendering
        assert "Signals are based on news and price" in rendering
        assert not re.search("[A-Z]+_[A-Z]+|[a-z]+_[a-z]+", rendering)


def test_the_window_is_shown_once_and_dates_have_one_form() -> None:
    digest = replace(everything(), preheader="")
    for rendering in (part(digest) for part in BOTH):
        assert rendering.count("Thu 11 Jan 2024 08:30 to 17:30 ET") == 1
        assert "Thu 08:30 to" not in rendering
        assert "No gap; 1 of 1 source; 12 headlines" in rendering
        assert not re.search(r"\d{4}-\d\d-\d\d", rendering)


def test_a_missing_record_is_mentioned_once() -> None:
    for rendering in (part(digest_of(NOW, [signal(window=NOW)])) for part in BOTH):
        assert rendering.count("No live record yet.") == 1
        assert "No record of BUY signals yet." not in rendering  # a card shows a record that can be judged
        assert "n = 0" not in rendering


def test_a_near_miss_says_what_is_already_active() -> None:
    digest = digest_of(NOW, (), [signal("AAA", "BUY", WINDOWS[2])])
    up, down = (NearMiss("AAA", "threshold", score, score, None, "", "unused") for score in (0.27, -0.27))
    for part in BOTH:
        assert re.search(r"below the 0.30 minimum\W+BUY already active", part(replace(digest, near_misses=(up,))))
        opposite = part(replace(digest, near_misses=(down,)))
        assert "below the 0.30 minimum" in opposite
        assert "already active" not in opposite
        assert opposite.count("−0.27") == 1


def test_the_mode_is_repeated_only_where_it_differs() -> None:
    caught_up = signal("CCC", "BUY", WINDOWS[5])
    modes = {caught_up.window_start: "catch_up"}
    for part in BOTH:
        rebuilt = digest_of(NOW, [signal(window=NOW)], mode="backfill")
        assert "(backfill)" not in part(rebuilt)
        assert "ET (caught up). Holds until" in part(digest_of(NOW, (), [caught_up], modes=modes))


def test_only_a_fragile_card_carries_the_tag() -> None:
    parts = [story(1, 0.3, 0.35), story(2, 0.2, 0.4)]
    for part in BOTH:
        assert "single story" in part(digest_of(NOW, [signal(window=NOW)]))
        several = digest_of(NOW, [signal(window=NOW, parts=parts)])
        assert "single story" not in part(several).replace("No single story is decisive", "")


def test_cards_without_bars_or_stories() -> None:
    card: Card = replace(digest_of(NOW, [signal(window=NOW)]).new[0], closes=(), sessions=())
    digest = replace(digest_of(NOW), new=(card,))
    assert "sessions +" not in Page(render_html(digest)).text
    price = signal(window=NOW, parts=[component("trend", 0.5)], source="technical", news_title="", news_url="")
    page = Page(render_html(digest_of(NOW, [price]))).text
    assert "Price +0.50: trend +55.00" in page
    flat = signal(window=NOW, parts=[component("trend", 0.0)], source="technical")
    assert "Price 0.00 Decided" in Page(render_html(digest_of(NOW, [flat]))).text


def test_every_text_colour_has_contrast_aa_in_light_and_dark() -> None:
    style = (Path(render.__file__).parent / "templates" / "style.html").read_text()
    light, dark = style.split("prefers-color-scheme: dark")
    for sheet in (light, dark):
        ground = re.findall(r"\.body \{[^}]*background: (#\w{6})", sheet)[0]
        texts: list[Any] = re.findall(r"[ {;]color: (#\w{6})", sheet)
        assert len(set(texts)) >= 4
        assert all(contrast(ground, colour) >= 4.5 for colour in texts)
