"""What a correction promises: only the active, only what changed, and the score as if it had read so from the start."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import given, settings

from signals_pipeline.core.digest.wording import correction_sentences
from signals_pipeline.core.scoring import scores
from signals_pipeline.core.signals.corrections import Correction, Revision, Tone, find_corrections, rescore, revisions
from signals_pipeline.core.signals.decision import Signal, apply_gates, decide
from signals_pipeline.core.tables import HEADLINES, SENTIMENT, TECHNICALS, to_arrays
from signals_pipeline_tests.support.digest_examples import KNOBS, WINDOWS, digest_of, signal

NOW, NEXT = WINDOWS[:2]
HOUR = timedelta(hours=1)
LEAST = 0.1


def sentiment_row(story: str, number: int, score: float, weight: float, confidence: float = 0.9) -> dict[str, Any]:
    """A SENTIMENT row of AAA: one headline of a story."""
    return {
        "window_start": NOW.start, "headline_id": f"{story}{number}", "symbol": "AAA",
        "published_at": NOW.start + HOUR, "known_at": NOW.start + HOUR, "role": "subject", "event": "results",
        "title": f"Story {story} told {number}", "url": f"https://news.example/{story}{number}", "source": "Wire",
        "story_id": story, "told": False, "p_negative": 0.1, "p_neutral": 0.1, "p_positive": 0.8, "score": score,
        "confidence": confidence, "confident": True, "recency": 1.0, "relevance": 1.0, "novelty": 1.0, "weight": weight,
        "reason": "" if weight else "confidence",
    }  # fmt: skip


def signal_from(rows: list[dict[str, Any]], technical: float | None = None) -> Signal:
    """The signal of these headlines, through scores and gates."""
    price = TECHNICALS.empty()
    if technical is not None:
        components = {f"c_{name}": technical for name in ("rsi", "macd", "trend", "momentum", "volume")}
        row = {column.name: None for column in TECHNICALS.columns} | components
        row |= {"window_start": NOW.start, "symbol": "AAA", "stale": False, "bars": 300, "technical": technical}
        price = TECHNICALS.conform(pd.DataFrame([row]))
    sentiment = SENTIMENT.conform(pd.DataFrame(rows))
    news = HEADLINES.conform(pd.DataFrame([headline(1, "Story a told 1")]))
    scored = scores.build(news, sentiment, price, ["AAA"], [NOW], sentiment_weight=0.6)
    (candidate,) = apply_gates(to_arrays(scored), NOW, min_combined_score=0.0, generator="news_driven").candidates
    return decide([candidate], [], NOW, expiry_days=7, max_signals=5, flip_cooldown_days=2).signals[0]


def revision(story: str, number: int, title: str, tone: Tone | None = None, at: datetime = NEXT.start) -> Revision:
    return Revision(f"https://news.example/{story}{number}", title, at, {"AAA": tone} if tone else {})


def corrected(active: Signal, *known: Revision) -> Correction:
    (found,) = find_corrections([active], known, min_combined_score=LEAST)
    return found


THREE = [sentiment_row("a", 1, 0.9, 0.5), sentiment_row("a", 2, 0.7, 0.3), sentiment_row("b", 1, 0.5, 0.4)]


@st.composite
def story_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    keys = draw(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 4)), min_size=1, max_size=7, unique=True))
    numbers = st.floats(0.05, 1.0)
    return [
        sentiment_row(story, number, draw(numbers), draw(numbers), draw(st.floats(0.4, 1.0))) for story, number in keys
    ]


@settings(max_examples=40, deadline=None)
@given(story_rows(), st.sampled_from([None, 0.4, 0.0, -0.02]))
def test_the_kept_headlines_give_the_score_again_and_each_leave_one_out(
    rows: list[dict[str, Any]], technical: float | None
) -> None:
    candidate = signal_from(rows, technical).candidate
    parts = json.loads(candidate.contributions)
    assert rescore(parts, candidate.tone, {})[1] == pytest.approx(candidate.combined_score, abs=1e-12)
    same = {row["url"]: Tone(row["score"], row["confidence"]) for row in rows}
    assert rescore(parts, candidate.tone, same)[1] == pytest.approx(candidate.combined_score, abs=1e-12)
    for part in parts:
        if part["kind"] == "story":
            gone = dict.fromkeys(member["url"] for member in part["members"])
            assert rescore(parts, candidate.tone, gone)[1] == pytest.approx(part["without"], abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(story_rows(), st.data())
def test_another_text_gives_the_score_that_scores_would_have_given(
    rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    chosen = data.draw(st.sets(st.sampled_from([row["url"] for row in rows]), min_size=1))
    tones = {url: Tone(data.draw(st.floats(0.05, 1.0)), data.draw(st.floats(0.4, 1.0))) for url in sorted(chosen)}
    otherwise = [
        row
        | {
            "score": tones[row["url"]].score,
            "weight": row["weight"] / row["confidence"] * tones[row["url"]].confidence,
        }
        if row["url"] in tones
        else row
        for row in rows
    ]
    before, after = (signal_from(each).candidate for each in (rows, otherwise))
    tone, combined = rescore(json.loads(before.contributions), before.tone, tones)
    assert (tone, combined) == (pytest.approx(after.tone, abs=1e-9), pytest.approx(after.combined_score, abs=1e-9))


def test_an_edit_is_told_with_what_is_left_of_the_signal() -> None:
    active = signal_from(THREE)
    found = corrected(active, revision("a", 1, "Story a denied", Tone(-0.9, 0.8)))
    assert [(each.title, each.new_title) for each in found.changes] == [("Story a told 1", "Story a denied")]
    assert found.with_new is not None
    assert found.with_new < found.without < active.combined_score
    assert (found.stands_without, found.stands_with_new) == (True, False)
    first, without, with_new = correction_sentences(found)
    assert "rests on “Story a told 1”, since edited to “Story a denied” (seen " in first
    assert without == f"Without it: +{found.without:.2f}, still BUY."
    assert with_new.endswith("no signal.")


def test_a_withdrawal_of_everything_leaves_price_alone() -> None:
    active = signal_from([sentiment_row("a", 1, 0.9, 0.5)], 0.2)
    found = corrected(active, revision("a", 1, ""))
    assert (found.with_new, found.stands_without, found.stands_with_new) == (None, False, False)
    assert found.without == pytest.approx(0.4 * 0.2)
    words = correction_sentences(found)
    assert words[0].endswith("(seen Mon 8 Jan 08:30 ET).") or "withdrawn" in words[0]
    assert len(words) == 2


def test_an_edited_headline_without_tone_counts_as_gone() -> None:
    found = corrected(signal_from(THREE), revision("b", 1, "Weather"), revision("a", 2, "More weather"))
    assert found.with_new == found.without
    assert len(correction_sentences(found)) == 4
    assert "Without them" in correction_sentences(found)[2]


def test_what_did_not_change_or_was_known_before_corrects_nothing() -> None:
    active = signal_from(THREE)
    same, earlier = revision("a", 1, "STORY a told 1"), revision("a", 1, "Other", at=NOW.end - HOUR)
    other = Revision("https://news.example/zz", "Other", NEXT.start, {})
    assert find_corrections([active], [same, earlier, other], min_combined_score=LEAST) == ()
    assert (
        find_corrections(
            [active], [revision("a", 1, "Other"), revision("a", 1, "Story a told 1")], min_combined_score=LEAST
        )
        == ()
    )
    bare = json.dumps([{"kind": "story", "contribution": 0.5, "title": "T", "url": "https://news.example/a1"}])
    old = replace(active, candidate=replace(active.candidate, contributions=bare))
    assert find_corrections([old], [revision("a", 1, "Other")], min_combined_score=LEAST) == ()


def headline(number: int, title: str, **changes: Any) -> dict[str, Any]:
    return {
        "window_start": NOW.start, "headline_id": f"{number}", "symbol": "AAA", "role": "subject", "relevance": 1.0,
        "published_at": NOW.start, "known_at": NOW.start + number * HOUR, "reconstructed": False, "title": title,
        "text": title, "text_hash": title, "span": "", "event": "", "reason": "",
        "url": f"https://news.example/a{number}", "source": "Wire", "feed": "wire",
        "story_id": "a", "member": 0, "novelty": 1.0, "told": False, **changes,
    }  # fmt: skip


def test_revisions_are_what_a_collector_saw_in_the_window() -> None:
    frame = HEADLINES.conform(
        pd.DataFrame(
            [
                headline(2, "Story a told 2"), headline(1, "Story a told 1"),
                headline(1, "Story a told 1", symbol="BBB"),
                headline(3, "Rebuilt", reconstructed=True), headline(4, "No link", url=""), headline(-1, "Before"),
                headline(5, "", symbol=""),
            ]
        )
    )  # fmt: skip
    tone = SENTIMENT.conform(pd.DataFrame([sentiment_row("", 1, 0.9, 0.5), sentiment_row("", 2, 0.7, 0.0)]))
    assert list(revisions(frame, tone)) == [NOW.start]
    found = revisions(frame, tone)[NOW.start]
    assert [(each.url[-2:], each.title, dict(each.tones)) for each in found] == [
        ("a1", "Story a told 1", {"AAA": Tone(0.9, 0.9)}),
        ("a2", "Story a told 2", {}),
        ("a5", "", {}),
    ]
    later = pd.concat([frame, frame.assign(window_start=NEXT.start, known_at=frame["known_at"] + 24 * HOUR)])
    both = revisions(HEADLINES.conform(later), tone)
    assert (both[NOW.start], len(both[NEXT.start])) == (found, 4)  # what was before a window is within the next
    assert not any(each.tones for each in both[NEXT.start])


def test_the_digest_of_the_window_tells_it_once() -> None:
    active = signal_from(THREE)
    edit = revision("a", 1, "Story a denied", Tone(-0.9, 0.8))
    digest = digest_of(NEXT, (), [active], revisions=(edit,), knobs=KNOBS | {"min_combined_score": LEAST})
    (line,) = digest.corrected
    assert (line.symbol, line.decided_at, line.known_at) == ("AAA", NOW.end, NEXT.start)
    assert (digest.kind, digest.subject) == ("full", "1 corrected (AAA)")
    assert digest.preheader.startswith("Corrected: AAA. The BUY of ")
    assert type(digest).from_json(digest.to_json()) == digest
    assert digest_of(NEXT, (), [active], revisions=(replace(edit, known_at=NEXT.end),)).corrected == ()
    assert digest_of(NEXT, (), [], revisions=(edit,)).corrected == ()
    assert digest_of(NEXT, (), [signal("AAA", window=NOW)], revisions=(edit,)).corrected == ()
