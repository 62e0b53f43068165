"""A digest as a chat message: a line per signal, and as many lines as fit."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.digest.chat import (
    MAX_LINE,
    MAX_TITLE,
    ChatMessage,
    digest_chat,
    failure_chat,
    most_that_fits,
    trial_chat,
)
from signals_pipeline.core.digest.model import CorrectedLine
from signals_pipeline_tests.support.digest_examples import digest_of
from signals_pipeline_tests.support.digest_pages import NOW, everything

PAGE = "https://signals.example.org/digests/1"


def test_every_signal_has_its_line() -> None:
    digest = everything()
    missed = replace(digest.new[0], symbol="CCC", reaction=None)
    message = digest_chat(replace(digest, from_missed=(missed,)), PAGE)

    assert message.title == digest.subject
    assert message.subtitle == digest.label
    new, changed, from_missed = message.lines
    assert new.startswith("▲ BUY AAA · Alpha · ")
    assert "Story number 1 lifts its company" in new
    assert changed.startswith("▲ BUY BBB · Beta & Sons · flipped · ")
    assert from_missed.startswith("▲ BUY CCC · Alpha · from a missed window · ")
    assert message.ending == "Details"
    assert digest_chat(digest).ending == ""


def test_a_signal_says_price_and_move_where_they_are_known() -> None:
    card = replace(everything().new[0], traded_closes=(100.0, 103.2), reaction=0.4, move=0.012)
    (line,) = digest_chat(replace(digest_of(NOW), new=(card,))).lines

    assert line.endswith(" · 103.20 · +1.2% (+0.4 ATR) since the headline")


def test_a_quiet_digest_says_what_came_closest_and_a_correction_is_told() -> None:
    quiet = digest_of(NOW)
    assert digest_chat(quiet).lines == (quiet.preheader,)
    line = CorrectedLine(
        symbol="XOM", signal_type="SELL", combined_score=-0.4, company="Exxon", without=0.1, with_new=None,
        sentences=("The headline was withdrawn.", "No signal remains."), decided_at=NOW.start, known_at=NOW.end,
    )  # fmt: skip
    (told,) = digest_chat(replace(quiet, corrected=(line,))).lines
    assert told == "Corrected: XOM. The headline was withdrawn. No signal remains."


def test_a_failed_window_and_a_test_are_messages() -> None:
    failed = failure_chat(NOW, "prices: no source answered")
    assert failed.title == f"Failed: no digest for {NOW.label}"
    assert failed.lines == ("prices: no source answered",)
    assert trial_chat().lines


def test_title_and_lines_have_a_maximum() -> None:
    card = replace(everything().new[0], company="Very " * 200)
    message = digest_chat(replace(everything(), subject="word " * 100, new=(card,)))

    assert len(message.title) <= MAX_TITLE
    assert max(len(line) for line in message.lines) <= MAX_LINE


@given(sizes=st.lists(st.integers(0, 50), max_size=30), room=st.integers(0, 400))
def test_as_many_parts_are_kept_as_fit_and_the_others_are_counted(sizes: list[int], room: int) -> None:
    message = ChatMessage("title", "", tuple("x" * size for size in sizes), PAGE)

    def fits(written: ChatMessage) -> bool:
        return sum(map(len, written.lines)) <= room

    kept = most_that_fits(len(sizes), message.first_lines, fits)

    assert len(kept.lines) + kept.left_out == len(sizes)
    assert fits(kept)
    if kept.left_out:
        assert not fits(message.first_lines(len(kept.lines) + 1))
        assert kept.ending == f"and {kept.left_out} more"


def test_not_even_one_part_may_fit() -> None:
    assert most_that_fits(3, lambda count: count, lambda _: False) == 0
