"""A database with digests, signals and outcomes, and the application over it."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pandas as pd
from starlette.testclient import TestClient

from signals_pipeline.adapters.stores.bars import BarRepository
from signals_pipeline.adapters.stores.digests import DigestEntry, DigestRepository
from signals_pipeline.adapters.stores.engine import engine_for, write_transaction
from signals_pipeline.adapters.stores.outcomes import OutcomeRepository
from signals_pipeline.adapters.stores.signal_history import SignalHistory
from signals_pipeline.adapters.stores.window_revisions import WindowRevision, insert_revision
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.prices.adjustment import no_actions
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.windows import Window, window_for_key
from signals_pipeline.settings import Settings
from signals_pipeline.web.app import create_app
from signals_pipeline_tests.support.digest_examples import (
    WINDOWS,
    bars_of,
    component,
    digest_of,
    outcome_rows,
    signal,
    story,
    weekday_sessions,
)
from signals_pipeline_tests.support.history_builders import run_with

KEY = "a key of thirty-two characters..."
NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
TOLD = WINDOWS[6]
PARTS = [
    story(1, 0.3, 0.2, source="Example Wire"),
    story(2, 0.1, 0.4, told=True),
    component("rsi", 0.1),
    component("trend", -0.02),
]


def settings_of(url: str, **changes: object) -> Settings:
    """Settings of a site on this database, without a rate limit."""
    return Settings.checked(**{"signals_database_url": url, "signals_link_key": KEY, "signals_web_rate": 0, **changes})


@contextmanager
def site(url: str, **changes: object) -> Iterator[TestClient]:
    """A client of the application; each look at a clock finds it a second later, so that nothing is held."""
    app = create_app(settings_of(url, **changes), now=lambda: NOW, seconds=itertools.count(1.0).__next__)
    with TestClient(app, base_url="http://site.example", raise_server_exceptions=False) as client:
        yield client


def tell(url: str, digest: Digest) -> DigestEntry:
    """Keep a digest."""
    engine = engine_for(url)
    window = window_for_key(digest.window_key)
    entry = DigestRepository(engine).put(
        window, digest.to_json(), kind=digest.kind, mode=digest.mode, subject=digest.subject
    )
    engine.dispose()
    return entry


def decide(url: str, window: Window, signals: Sequence[Signal]) -> None:
    """Keep a window's signals in the history."""
    engine = engine_for(url)
    SignalHistory(engine).record_window(window, [each.candidate for each in signals], run_with())
    engine.dispose()


def fill(url: str) -> None:
    """Seven digests, the newest with a card of AAA; two signals in the history; outcomes of one of them."""
    for window in WINDOWS[:6]:
        tell(url, digest_of(window, mode="backfill"))
    told = signal("AAA", window=TOLD, parts=PARTS)
    tell(url, digest_of(TOLD, [told], [signal("BBB", "SELL", WINDOWS[2])], outcomes=outcome_rows(40)))
    decide(url, WINDOWS[2], [signal("BBB", "SELL", WINDOWS[2])])
    decide(url, TOLD, [told])
    engine = engine_for(url)
    rows = outcome_rows(1, window_start=TOLD.start, decided_at=TOLD.end, known_at=NOW - timedelta(days=3))
    OutcomeRepository(engine).upsert(rows[rows["horizon"] < 10])
    engine.dispose()


# For `add_prices`: the watchlist as a file, the sessions, and the first one after the decision of AAA's signal.
WATCHLIST = "- {symbol: AAA, company: Alpha Industries}\n- {symbol: DDD, company: Delta & Sons, sector: Energy}\n"
SESSIONS = weekday_sessions("2023-12-01", 90)
ENTRY = next(position for position, day in enumerate(SESSIONS.dates.tolist()) if day > TOLD.end.date())


def add_prices(url: str) -> None:
    """Bars of AAA, with two new shares for each old one on 1 February, and the outcome of its signal after 10 sessions.

    Session n opened at 200 + n and closed at 201 + n; half of both from the split on.
    """
    bars = bars_of(SESSIONS, {"AAA": [(200.0 + n, 201.0 + n) for n in range(len(SESSIONS.dates))]})
    split = pd.DataFrame([{"symbol": "AAA", "session": pd.Timestamp("2024-02-01"), "kind": "split", "value": 2.0}])
    bars.loc[bars["session"] >= split["session"][0], ["open", "high", "low", "close"]] /= 2
    entry, last = (pd.Timestamp(SESSIONS.dates[position], tz="UTC") for position in (ENTRY, ENTRY + 9))
    rows = outcome_rows(1, window_start=TOLD.start, decided_at=TOLD.end, known_at=NOW - timedelta(days=3))
    outcome = rows[rows["horizon"] == 10].assign(entry_session=entry, exit_session=last, net_return=0.05, hit=True)

    engine = engine_for(url)
    BarRepository(engine).put(
        bars,
        split.astype(no_actions().dtypes.to_dict()),
        asked={"AAA": SESSIONS.dates[0].item()},
        source="test",
        seen_at=NOW - timedelta(days=1),
    )
    OutcomeRepository(engine).upsert(outcome)
    engine.dispose()


def record_origins(url: str) -> None:
    """Outcomes of live, backfilled, another model's and technical signals; the newest window is live, of compact."""
    technical = "none: technical generator"
    runs = [
        (WINDOWS[0], 2, run_with("catch_up", model=technical, generator="technical")),
        (WINDOWS[1], 2, run_with("backfill", model="finbert @2")),
        (WINDOWS[2], 1, run_with("manual")),
        (WINDOWS[3], 2, run_with("live")),
    ]
    engine = engine_for(url)
    for window, count, run in runs:
        symbols = [f"W{window.start:%d%H}{position}" for position in range(count)]
        source = "technical" if run.model == technical else "news_driven_ml"
        signals = [signal(symbol, window=window, source=source) for symbol in symbols]
        SignalHistory(engine).record_window(window, [each.candidate for each in signals], run)
        for symbol in symbols:
            known = {"symbol": symbol, "window_start": window.start, "decided_at": window.end}
            OutcomeRepository(engine).upsert(outcome_rows(1, **known, known_at=NOW - timedelta(days=3)))
    engine.dispose()


def revise(url: str, window: Window, digest: Digest) -> None:
    """A revision of a window without signals, made now, with its digest."""
    run = run_with("manual")
    revision = WindowRevision(
        window_start=window.start,
        number=2,
        made_at=NOW,
        mode=run.mode,
        model=run.model,
        knobs=run.knobs,
        funnel=run.funnel,
        near_misses=run.near_misses,
        watchlist=None,
        candidates=(),
        signals=(),
        digest=digest.to_json(),
    )
    engine = engine_for(url)
    with write_transaction(engine) as connection:
        insert_revision(connection, revision)
    engine.dispose()
