"""The signal history: the order of recording leaves no trace."""

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import read_transaction
from signals_pipeline.adapters.stores.signal_history import SignalHistory
from signals_pipeline.adapters.stores.tables import signal_history
from signals_pipeline.core.signals.decision import active_at
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.support.history_builders import WINDOWS, Entry, judged, lifecycles, rows, run_with, wipe


@st.composite
def evidence(draw: st.DrawFn, window: Window) -> Entry:
    """A window's candidates and run: scores around the update threshold, few symbols, any expiry, a low cap."""
    symbols = draw(st.lists(st.sampled_from("ABC"), unique=True))
    scores = st.sampled_from([-0.8, -0.55, -0.35, 0.35, 0.5, 0.56, 0.75, 0.95])
    found = [judged(window, each, draw(scores), fresh=draw(st.booleans())) for each in symbols]
    run = run_with(
        expiry=draw(st.sampled_from([0.3, 1, 2.5, 7])),
        most=draw(st.integers(1, 3)),
        cooldown=draw(st.sampled_from([0, 1, 2, 10])),
    )
    return window, found, run


@st.composite
def recordings(draw: st.DrawFn) -> tuple[list[Entry], list[Entry]]:
    """Windows in order with what they finally hold, and a disorderly way there: repeats and earlier versions too."""
    windows = [each for each in WINDOWS if draw(st.integers(0, 5))]
    final = [draw(evidence(each)) for each in windows]
    earlier = [draw(evidence(each)) for each in draw(st.lists(st.sampled_from(WINDOWS), max_size=4)) if each in windows]
    again = [each for each in final if draw(st.booleans())]
    return final, [*draw(st.permutations([*earlier, *again])), *draw(st.permutations(final))]


@settings(
    max_examples=12, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(case=recordings())
def test_any_order_of_recording_gives_the_rows_of_chronological_order(
    engine: Engine, case: tuple[list[Entry], list[Entry]]
) -> None:
    final, disorderly = case
    history = SignalHistory(engine)
    wipe(engine)
    for entry in final:
        history.record_window(*entry)
    expected = rows(engine)
    wipe(engine)
    for entry in disorderly:
        history.record_window(*entry)
    assert rows(engine) == expected


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_history_is_the_fold_of_the_windows_in_memory(engine: Engine, data: st.DataObject) -> None:
    final = [data.draw(evidence(each)) for each in WINDOWS[:8]]
    wipe(engine)
    signals = []
    for window, candidates, run in final:
        decision = run.decide(candidates, signals, window)
        signals += decision.signals
    history = SignalHistory(engine)
    for entry in reversed(final):
        history.record_window(*entry)
    assert history.between(WINDOWS[0].start, WINDOWS[8].end) == sorted(
        signals, key=lambda signal: (signal.decided_at, signal.symbol)
    )
    as_of = data.draw(st.sampled_from(WINDOWS)).end
    assert history.active(as_of, 2.5) == list(active_at(signals, as_of, 2.5).values())


def test_a_window_filled_in_later_turns_a_later_signal_into_a_repeat(engine: Engine) -> None:
    history = SignalHistory(engine)
    first, second, third = WINDOWS[:3]
    history.record_window(second, [judged(second, "A", 0.5)], run_with())
    history.record_window(third, [judged(third, "A", 0.5)], run_with())
    assert lifecycles(history) == [(second.end, "A", "new")]
    recorded = history.record_window(first, [judged(first, "A", 0.5)], run_with("catch_up"))
    assert recorded.rederived == (second.key,)
    assert lifecycles(history) == [(first.end, "A", "new")]
    decision, run = history.decision(third), history.run(third)
    assert decision is not None
    assert [(each.symbol, active.decided_at) for each, active in decision.repeats] == [("A", first.end)]
    assert run is not None
    assert run.funnel == {"candidates": 1, "repeats": 1, "refused_flips": 0, "capped": 0, "signals": 0}


def test_a_window_emptied_later_brings_the_signal_back_with_the_mode_of_its_own_run(engine: Engine) -> None:
    history = SignalHistory(engine)
    first, second = WINDOWS[:2]
    history.record_window(first, [judged(first, "A", 0.5)], run_with())
    assert history.record_window(second, [judged(second, "A", 0.5)], run_with("live")).decision.signals == ()
    assert history.record_window(first, [], run_with("backfill")).rederived == (second.key,)
    with read_transaction(engine) as connection:
        modes = connection.execute(sa.select(signal_history.c.decided_at, signal_history.c.mode)).all()
    assert [tuple(row) for row in modes] == [(second.end, "live")]
    assert history.candidates(first) == []
    run = history.run(second)
    assert run is not None
    assert run.funnel["signals"] == 1


ONE_BACK = 0.75  # days: on weekdays a window then sees the one before it and no other


def test_a_change_passes_on_from_window_to_window_and_no_further(engine: Engine) -> None:
    """Without A in the first window the second has it new, the third repeats it, and so on, far beyond one expiry."""
    history = SignalHistory(engine)
    for window in WINDOWS[:6]:
        history.record_window(window, [judged(window, "A", 0.5), judged(window, "B", 0.5)], run_with(expiry=ONE_BACK))
    far = WINDOWS[-1]
    history.record_window(far, [judged(far, "A", 0.5)], run_with(expiry=ONE_BACK))
    before = [each for each in lifecycles(history) if each[1] == "B"]
    recorded = history.record_window(WINDOWS[0], [judged(WINDOWS[0], "B", 0.5)], run_with(expiry=ONE_BACK))
    assert recorded.rederived == tuple(each.key for each in WINDOWS[1:6])
    assert [each for each in lifecycles(history) if each[1] == "B"] == before


def test_a_change_passes_on_to_another_symbol_through_the_cap(engine: Engine) -> None:
    history = SignalHistory(engine)
    first, second, third = WINDOWS[:3]
    history.record_window(second, [judged(second, "A", 0.6), judged(second, "B", 0.5)], run_with(most=1))
    history.record_window(third, [judged(third, "B", 0.5)], run_with())
    assert lifecycles(history) == [(second.end, "A", "new"), (third.end, "B", "new")]
    recorded = history.record_window(first, [judged(first, "A", 0.6)], run_with())
    assert recorded.rederived == (second.key, third.key)
    assert lifecycles(history) == [(first.end, "A", "new"), (second.end, "B", "new")]


def test_a_change_reaches_a_short_sighted_window_through_a_far_sighted_one(engine: Engine) -> None:
    history = SignalHistory(engine)
    for window, expiry in zip(WINDOWS, (7, 7, ONE_BACK, 7), strict=False):
        history.record_window(window, [judged(window, "A", 0.5)], run_with(expiry=expiry))
    assert lifecycles(history) == [(WINDOWS[0].end, "A", "new"), (WINDOWS[2].end, "A", "new")]
    assert history.record_window(WINDOWS[0], [], run_with()).rederived == (WINDOWS[1].key, WINDOWS[2].key)
    assert lifecycles(history) == [(WINDOWS[1].end, "A", "new")]
