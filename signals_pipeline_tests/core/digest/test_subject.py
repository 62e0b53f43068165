"""Subject, preheader, kind and remarks of a digest."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from signals_pipeline.core.digest.composition import digest_kind
from signals_pipeline.core.digest.model import Card, Digest
from signals_pipeline.core.digest.wording import headline, preheader, remarks, revision_notice, subject, subject_tag
from signals_pipeline.core.news.feeds import SourceReport
from signals_pipeline.core.signals.decision import Decision, NearMiss
from signals_pipeline.core.watchlist import Company, Watchlist
from signals_pipeline_tests.support.digest_examples import (
    KNOBS,
    WATCHLIST,
    WINDOWS,
    coverage,
    digest_of,
    signal,
    steady,
    story,
    weekday_sessions,
)

NOW = WINDOWS[6]
MANY = Watchlist(tuple(Company(f"S{number}", f"Company {number}") for number in range(10)))
HALF = {"status": "degraded", "reports": (SourceReport("a", "ok", 3), SourceReport("b", "failed", 0))}


def cards(*symbols: str) -> tuple[Card, ...]:
    return digest_of(NOW, [signal(name, window=NOW) for name in symbols]).new


def changed(lifecycle: str, symbol: str) -> Card:
    kind = "SELL" if lifecycle == "flipped" else "BUY"
    after = signal(symbol, window=NOW, parts=[story(9, 0.9, 0.0)])
    return digest_of(NOW, [after], [signal(symbol, kind, WINDOWS[2])]).changed[0]


@pytest.mark.parametrize(
    ("mode", "deployment", "text"),
    [
        ("live", "production", ""),
        ("live", "local", ""),
        ("catch_up", "production", ""),
        ("live", "demo", "[demo] "),
        ("backfill", "production", "[backfill] "),
        ("manual", "demo", "[demo manual] "),
    ],
)
def test_tag(mode: str, deployment: str, text: str) -> None:
    assert subject_tag(mode, deployment) == text


@pytest.mark.parametrize(
    ("changes", "strict", "kind"),
    [
        ({}, False, "full"),
        ({"status": "degraded"}, False, "degraded"),
        ({"status": "failed"}, True, "degraded"),
        ({"gap_minutes": 5}, False, "degraded"),
        ({"gap_minutes": 5}, True, "full"),
        ({"missing_windows": ("2024-01-08-08:30",)}, True, "degraded"),
    ],
)
def test_kind(changes: dict[str, Any], strict: bool, kind: str) -> None:
    ledger = coverage(NOW, **changes)
    assert digest_kind(ledger, has_news=True, strict=strict) == kind
    assert digest_kind(ledger, has_news=False, strict=strict) == ("quiet" if kind == "full" else kind)


@pytest.mark.parametrize(("share", "kind"), [(0.0, "full"), (0.2, "full"), (0.21, "degraded"), (1.0, "degraded")])
def test_missing_prices_degrade_a_digest_where_they_are_no_longer_those_of_single_companies(
    share: float, kind: str
) -> None:
    assert digest_kind(coverage(NOW), has_news=True, strict=False, without_prices=share) == kind


def test_a_digest_without_prices_says_so_in_its_subject_and_its_notes() -> None:
    names = WATCHLIST.symbols
    digest = digest_of(NOW, [signal("AAA", window=NOW)], without_prices=names)
    trouble = f"Degraded ({len(names)} companies without recent prices): ▲ AAA · 1 new"
    assert (digest.kind, digest.subject, headline(digest)) == ("degraded", trouble, trouble)
    note = f"{len(names)} companies have no price from the last 3 sessions and so no technical score: {names[0]}, "
    assert any(line.startswith(note) for line in digest.notes)
    assert Digest.from_json(digest.to_json()) == digest
    # A gap that the operator chose does not hide it.
    line = subject("degraded", coverage(NOW, gap_minutes=5), (), (), (), still_active=0, without_prices=1)
    assert line.startswith("Degraded (5 min")
    assert line.endswith(" not covered, 1 company without recent prices): no new signals")


def test_a_single_company_without_prices_is_a_note_and_none_leaves_the_stored_digest_as_it_was() -> None:
    one = digest_of(NOW, without_prices=WATCHLIST.symbols[:1], watchlist=MANY)
    assert one.kind == "quiet"
    assert one.notes[-1] == (
        f"1 company has no price from the last 3 sessions and so no technical score: {WATCHLIST.symbols[0]}."
    )
    assert "without_prices" not in digest_of(NOW).to_json()


def test_prices_of_another_vendor_are_on_the_card_and_in_the_notes() -> None:
    usual = digest_of(NOW, [signal("AAA", window=NOW)])
    bars = steady(weekday_sessions(), "AAA", "BBB")
    others = bars[["symbol", "session"]].assign(source="tiingo")
    digest = digest_of(NOW, [signal("AAA", window=NOW)], other_vendors=others)
    [card] = digest.new
    assert "Its last price is Tiingo's: the usual source had failed." in card.sentences
    added = set(digest.notes) - set(usual.notes)
    assert added == {"The last prices of 2 companies are Tiingo's: the usual source had failed."}
    assert (digest.kind, digest.subject) == (usual.kind, usual.subject)
    assert Digest.from_json(digest.to_json()) == digest


def test_the_subject_counts_signals_and_names_companies() -> None:
    ledger = coverage(NOW)
    both = (changed("flipped", "DDD"), changed("stronger", "EEE"))

    line = subject("full", ledger, cards("AAA", "BBB"), both, cards("FFF", "GGG"), still_active=4)

    counts = "2 new, 1 flipped, 1 stronger, 2 from missed windows"
    assert line == f"▲ AAA BBB DDD EEE FFF and 1 more · {counts}"
    assert subject("full", ledger, cards("AAA"), (), (), still_active=0) == "▲ AAA · 1 new"


def test_the_subject_shows_directions_and_begins_with_that_of_the_strongest_signal() -> None:
    signals = [signal("AAA", "SELL", NOW), signal("BBB", window=NOW), signal("CCC", "SELL", NOW)]
    shown = digest_of(NOW, signals).new
    directions = {card.symbol: "▲" if card.signal_type == "BUY" else "▼" for card in shown}
    line = subject("full", coverage(NOW), shown, (), (), still_active=0)
    assert line.startswith(f"{directions[shown[0].symbol]} {shown[0].symbol}")
    assert line.endswith(" · 3 new")
    assert "▲ BBB" in line
    assert "▼ AAA CCC" in line

    # The newest direction of a company is the one that counts.
    missed = digest_of(NOW, [signal("BBB", "SELL", NOW)]).new
    line = subject("full", coverage(NOW), cards("BBB"), (), missed, still_active=0)
    assert line == "▲ BBB · 1 new, 1 from missed windows"


def test_the_headline_is_the_subject_without_its_tag() -> None:
    digest = digest_of(NOW, [signal("AAA", window=NOW)], deployment="demo", mode="backfill")

    assert digest.subject == "[demo backfill] ▲ AAA · 1 new"
    assert headline(digest) == "▲ AAA · 1 new"


def test_subject_of_a_quiet_window() -> None:
    assert subject("quiet", coverage(NOW), (), (), (), still_active=2) == "Quiet: no new signals, 2 still active"
    assert subject("quiet", coverage(NOW), (), (), (), still_active=0) == "Quiet: no new signals"


@pytest.mark.parametrize(
    ("changes", "trouble"),
    [
        (HALF, "1 of 2 sources complete"),
        ({"status": "failed", "reports": (SourceReport("b", "failed", 0),)}, "0 of 1 source complete"),
        ({"missing_windows": ("2024-01-08-08:30",)}, "1 earlier window without a run"),
        ({"gap_minutes": 31}, "31 min not covered"),
        ({**HALF, "gap_minutes": 200}, "3 h 20 min not covered"),
    ],
)
def test_subject_says_what_is_degraded(changes: dict[str, Any], trouble: str) -> None:
    line = subject("degraded", coverage(NOW, **changes), cards("AAA"), (), (), still_active=0)

    assert line == f"Degraded ({trouble}): ▲ AAA · 1 new"


def test_preheader() -> None:
    strong = digest_of(NOW, [signal("AAA", window=NOW, parts=[story(1, 0.4, 0)]), signal("BBB", window=NOW)]).new
    label = NOW.label
    assert preheader(strong, (), NOW, KNOBS) == (
        f"BUY Beta & Sons (BBB), 108.00: “Story number 1 lifts its company”. {label}."
    )
    untitled = digest_of(NOW, [signal(window=NOW, news_title="")]).new
    assert preheader(untitled, (), NOW, KNOBS) == f"BUY Alpha (AAA), 108.00. {label}."
    adjusted = replace(untitled[0], traded_closes=())
    assert preheader([adjusted], (), NOW, KNOBS) == f"BUY Alpha (AAA), 108.00 (adjusted). {label}."
    unpriced = replace(untitled[0], closes=(), sessions=(), traded_closes=())
    assert preheader([unpriced], (), NOW, KNOBS) == f"BUY Alpha (AAA). {label}."
    near = NearMiss("CCC", "threshold", 0.27, 0.5, None, "", "combined +0.27, needs 0.30")
    assert preheader((), (near,), NOW, KNOBS) == f"Closest to a signal: CCC +0.27, below the 0.30 minimum. {label}."
    assert preheader((), (), NOW, KNOBS) == f"No company came close to a signal. {label}."


def test_remarks() -> None:
    none = Decision((), (), (), (), (), {})
    assert remarks(coverage(NOW), none, "live") == []
    capped = Decision((), (), (), (signal().candidate,), (), {})

    notes = remarks(coverage(NOW, reconstructed=5), capped, "backfill")

    assert [line.split()[0] for line in notes] == ["Reconstructed", "5", "1"]
    assert "5 of 12 headlines" in notes[1]
    assert "exceeded the maximum per digest" in notes[2]


def test_companies_without_prices_are_named_and_more_are_counted() -> None:
    none = Decision((), (), (), (), (), {})
    (few,) = remarks(coverage(NOW), none, "live", without_prices=["AAA"])
    assert few == "1 company has no price from the last 3 sessions and so no technical score: AAA."
    (many,) = remarks(coverage(NOW), none, "live", without_prices=list("ABCDEFG"))
    assert many.startswith("7 companies have no price")
    assert many.endswith(": A, B, C, D, E and 2 more.")


def test_signals_without_news_are_the_first_remark() -> None:
    notes = remarks(coverage(NOW), Decision((), (), (), (), (), {}), "backfill", "technical")
    assert notes[0].startswith("Based on price alone")
    assert notes[1:] == remarks(coverage(NOW), Decision((), (), (), (), (), {}), "backfill")


def test_a_revision_is_announced_with_its_number_and_when_it_was_made() -> None:
    assert revision_notice(3, datetime(2024, 7, 1, 13, 5, tzinfo=UTC)) == (
        "Run again on Mon 1 Jul 2024 09:05 ET; what was sent is kept, the new decision is revision 3."
    )
