"""What cards say in words, and what they never say."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.digest.composition import survives_without
from signals_pipeline.core.digest.wording import StalePrices, correction_sentences, eastern, sentences, signed
from signals_pipeline.core.signal_fields import SignalType
from signals_pipeline.core.signals.corrections import Change, Correction
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.text import shorten, shorten_counted
from signals_pipeline_tests.support.digest_examples import WINDOWS, component, signal, story


def reasons(
    decided: Signal, stands_without: list[bool], before: Signal | None = None, stale: StalePrices | None = None
) -> str:
    """The sentences of a signal's card as one text."""
    parts = json.loads(decided.candidate.contributions)
    return " ".join(sentences(decided, parts, stands_without, weight=0.6, before=before, stale=stale))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.244, "+0.24"), (-0.41, "−0.41"), (0.0, "0.00"), (-0.001, "0.00"), (0.004, "0.00"), (-1, "−1.00")],
)
def test_scores_carry_their_sign(value: float, text: str) -> None:
    assert signed(value) == text


def test_instants_are_in_new_york() -> None:
    assert eastern(datetime(2026, 2, 16, 13, 30, tzinfo=UTC)) == "Mon 16 Feb 08:30 ET"
    assert eastern(datetime(2026, 7, 1, 3, 0, tzinfo=UTC)) == "Tue 30 Jun 23:00 ET"


@given(st.text(max_size=80), st.integers(2, 80))
def test_shortening_never_exceeds_its_width(text: str, width: int) -> None:
    cut = shorten(text, width)
    assert len(cut) <= width
    assert cut == text if len(text) <= width else cut.endswith("…")
    assert text.startswith(cut.removesuffix("…")) or cut == text


def test_shortening_cuts_at_a_word_unless_there_is_none() -> None:
    assert shorten("profits rise at Alpha", 16) == "profits rise at…"
    assert shorten("profits rise at Alpha", 15) == "profits rise…"
    assert shorten("x" * 20, 10) == "x" * 9 + "…"


@given(st.text("ab… ", max_size=80), st.integers(2, 80))
def test_a_counted_cut_accounts_for_every_character(text: str, width: int) -> None:
    shortened = shorten_counted(text, width)

    if len(text) <= width:
        assert shortened == text
    else:
        beginning, _, note = shortened.rpartition("… (")
        assert text.startswith(beginning)
        assert note == f"{len(text) - len(beginning)} more characters)"


def test_a_single_story_is_said_without_alarm() -> None:
    text = reasons(signal(), [False])
    assert "One story (1 headline) reads clearly positive: tone +0.70, tone confidence 0.90." in text
    assert "hinges" not in text
    assert "undo" not in text


@pytest.mark.parametrize(
    ("reaction", "signal_type", "text"),
    [
        (2.14, "BUY", "The price has already moved +2.1 ATR since the headline."),
        (0.3, "BUY", "The price has moved +0.3 ATR since the headline."),
        (-2.1, "BUY", "The price has moved −2.1 ATR since the headline."),
        (-2.1, "SELL", "The price has already moved −2.1 ATR since the headline."),
        (None, "SELL", "No session has closed since the headline."),
    ],
)
def test_the_move_since_the_headline_is_said(reaction: float | None, signal_type: SignalType, text: str) -> None:
    made = signal(signal_type=signal_type)
    moved = replace(made, candidate=replace(made.candidate, event="results", reaction=reaction))
    assert text in reasons(moved, [False])


@pytest.mark.parametrize(
    ("reaction", "move", "text"),
    [
        (2.14, 0.034, "The price has already risen 3.4% since the headline (+2.1 ATR)."),
        (-0.3, -0.004, "The price has fallen 0.4% since the headline (−0.3 ATR)."),
        (0.01, 0.0002, "The price has not moved since the headline."),
    ],
)
def test_the_move_is_given_in_per_cent_where_that_is_known(reaction: float, move: float, text: str) -> None:
    made = signal()
    moved = replace(made, candidate=replace(made.candidate, event="results", reaction=reaction))
    parts = json.loads(moved.candidate.contributions)
    assert text in sentences(moved, parts, [False], weight=0.6, move=move, before=None)


@pytest.mark.parametrize(
    ("tone", "words"),
    [(0.6, "clearly positive"), (0.3, "positive"), (0.1, "mildly positive"), (0.004, "neutral"), (-0.7, "clearly neg")],
)
def test_a_tone_is_said_in_words(tone: float, words: str) -> None:
    assert f"reads {words}" in reasons(signal(tone=tone), [False])


def test_nothing_is_said_of_a_move_that_was_not_recorded() -> None:
    assert "since the headline" not in reasons(signal(), [False])


def test_several_stories_are_counted_with_their_headlines() -> None:
    parts = [story(1, 0.3, 0.35, headlines=3), story(2, 0.2, 0.4)]
    text = reasons(signal(parts=parts), [True, True])
    assert "2 stories (4 headlines) read clearly positive: tone +0.70" in text
    assert "No single story is decisive: without any one of them it remains a BUY." in text


@pytest.mark.parametrize(
    ("stands", "text"),
    [
        ([True, False, True, True, True], "It hinges on “B”: without that story there is no signal"),
        (
            [False, True, False, True, True],
            "It hinges on 2 of its 5 stories; without any one of these there is no signal: “A”, “C”.",
        ),
        (
            [False, False, False, False, True],
            "4 of its 5 stories; without any one of these there is no signal: “A”, “B”, “C” and 1 more.",
        ),
        ([False] * 5, "It needs all 5 of its stories: without any one of them there is no signal."),
    ],
)
def test_a_signal_names_the_stories_that_it_hinges_on(stands: list[bool], text: str) -> None:
    parts = [story(place, 0.1, 0.3, title=title) for place, title in enumerate("ABCDE")]
    assert text in reasons(signal(parts=parts), stands)


def test_staleness() -> None:
    parts = [story(1, 0.3, 0.2, told=True), story(2, 0.2, 0.3)]
    assert "1 of 2 stories began before this window" in reasons(signal(parts=parts), [False, True])
    stale = [story(1, 0.4, 0.0, told=True)]
    assert "Stale: every story behind this signal began before this window" in reasons(
        signal(parts=stale, fresh=False), [False]
    )
    assert "began before" not in reasons(signal(), [False])


@pytest.mark.parametrize(
    ("technical", "text"),
    [
        (0.21, "Price agrees: technical score +0.21."),
        (-0.3, "Price disagrees: technical score −0.30."),
        (0.0, "Price is neutral"),
        (None, "No technical score (fewer than 60 daily bars): the score is tone alone, weighted 60%."),
    ],
)
def test_price(technical: float | None, text: str) -> None:
    assert text in reasons(signal(technical=technical), [False])


OLD = StalePrices(date(2024, 1, 3), sessions=12)


def test_an_old_price_is_said_where_it_has_no_vote() -> None:
    text = "Price data is 12 sessions old: technical score left out, the score is tone alone, weighted 60%."
    assert text in reasons(signal(technical=None), [False], stale=OLD)
    assert "Prices are stale: the last daily bar is from Wed 3 Jan 2024" in reasons(
        signal(technical=None), [False], stale=OLD
    )
    # One or two missing sessions leave the score; without it, its bars were too few.
    recent = replace(OLD, sessions=2)
    assert "Price agrees: technical score +0.25." in reasons(signal(technical=0.25), [False], stale=recent)
    assert "fewer than 60 daily bars" in reasons(signal(technical=None), [False], stale=recent)


def test_a_price_of_another_vendor_is_named_after_the_first_sentence() -> None:
    decided = signal()
    parts = json.loads(decided.candidate.contributions)
    first, *others = sentences(decided, parts, [False], weight=0.6, before=None, stale=OLD, vendor="tiingo")
    assert first.startswith("One story ")
    assert others[0].startswith("Prices are stale")
    assert others[1] == "Its last price is Tiingo's: the usual source had failed."


def test_with_missing_bars_nothing_is_said_about_the_move_since_the_headline() -> None:
    unknown = "Whether the price has moved since the headline is not known."
    assert unknown in reasons(signal(event="results", reaction=None), [False], stale=OLD)
    assert "No session has closed since the headline." in reasons(signal(event="results", reaction=None), [False])


def test_a_sell_agrees_with_falling_prices() -> None:
    assert "Price agrees: technical score −0.25." in reasons(signal(signal_type="SELL"), [False])


def test_price_that_outweighs_news_is_said() -> None:
    parts = [story(1, 0.05, 0.3), component("trend", 0.3)]
    assert "Price contributes more than news: +0.30 against +0.05." in reasons(signal(parts=parts), [False])
    assert "Price contributes" not in reasons(signal(), [False])


def test_a_change_names_what_it_changes() -> None:
    before = signal(signal_type="SELL")
    after = signal(window=WINDOWS[2], lifecycle="flipped")
    assert reasons(after, [False], before).startswith(
        "Flipped: this signal closes the SELL of Mon 8 Jan 17:30 ET (−0.50)."
    )
    louder = signal(window=WINDOWS[2], lifecycle="stronger", parts=[story(3, 0.8, 0.0)])
    text = reasons(louder, [False], signal())
    assert text.startswith("Stronger: +0.50 to +0.80, updating the BUY of Mon 8 Jan 17:30 ET (+0.50).")


def test_price_alone_says_so_and_nothing_of_news() -> None:
    price_signal = signal(parts=[component("trend", 0.5)], source="technical")

    text = reasons(price_signal, [])

    assert text == "Based on price alone: the technical signal generator is on, so no headlines were weighed."


def test_a_signal_survives_without_a_story_only_if_it_would_be_made() -> None:
    two = [story(1, 0.3, 0.35), story(2, 0.05, 0.6), component("rsi", 0.3)]
    assert survives_without(two[0], two, "BUY", 0.3)
    assert not survives_without(two[0], two, "BUY", 0.4)
    # Without it the score is large, but the tone that is left points the other way: the gates would stop it.
    turned = [story(1, 0.3, 0.35), story(2, -0.05, 0.9), component("rsi", 0.4)]
    assert not survives_without(turned[0], turned, "BUY", 0.3)
    # Without its only story there is no tone at all.
    alone = [story(1, 0.3, 0.4), component("rsi", 0.4)]
    assert not survives_without(alone[0], alone, "BUY", 0.3)


@given(st.floats(-1, 1), st.floats(-0.4, 0.4), st.floats(0, 1))
def test_survival_mirrors_between_buy_and_sell(without: float, price: float, minimum: float) -> None:
    up = [story(1, 0.3, without), story(2, 0.3, 0.0), component("rsi", price)]
    down = [story(1, -0.3, -without), story(2, -0.3, 0.0), component("rsi", -price)]
    assert survives_without(up[0], up, "BUY", minimum) == survives_without(down[0], down, "SELL", minimum)
    assert not (survives_without(up[0], up, "BUY", minimum) and survives_without(up[0], up, "SELL", minimum))


@given(st.sampled_from(("BUY", "SELL")), st.floats(0.01, 1), st.booleans())
def test_no_sentence_speaks_of_chances(kind: SignalType, confidence: float, stands: bool) -> None:
    text = reasons(signal(signal_type=kind, confidence_score=confidence), [stands]).lower()
    assert "tone confidence" in text
    assert not any(word in text for word in ("probab", "chance", "profit", "likely", "expected return"))


def test_a_new_signal_in_the_window_in_which_the_old_one_expired_says_so() -> None:
    before, after = signal(signal_type="SELL"), signal(window=WINDOWS[10])
    assert reasons(after, [False], before).startswith(
        "New again: the SELL of Mon 8 Jan 17:30 ET (−0.50) expired in this"
    )


def test_a_correction_says_what_changed_and_what_is_left() -> None:
    edit = Change("Old title", "New title", "https://news.example/1", WINDOWS[1].start)
    gone = Change("Other title", "", "https://news.example/2", WINDOWS[1].start)
    edited = Correction(signal(), (edit, gone), 0.24, 0.45, stands_without=False, stands_with_new=True)
    rests_on = "The BUY of Mon 8 Jan 17:30 ET (+0.50) rests on"
    assert correction_sentences(edited) == (
        f"{rests_on} “Old title”, since edited to “New title” (seen Mon 8 Jan 17:30 ET).",
        f"{rests_on} “Other title”, since withdrawn (seen Mon 8 Jan 17:30 ET).",
        "Without them: +0.24, no signal.",
        "With the new texts: +0.45, still BUY.",
    )
    withdrawn = Correction(signal(), (gone,), 0.24, None, stands_without=False, stands_with_new=False)
    assert correction_sentences(withdrawn)[1:] == ("Without it: +0.24, no signal.",)
