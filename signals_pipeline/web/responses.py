"""From what is stored to what the API says."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from pydantic import BaseModel

from signals_pipeline.adapters.stores.digests import DigestEntry, StoredDigest
from signals_pipeline.adapters.stores.signals import SignalEntry, SignalKey
from signals_pipeline.core.digest.model import ActiveLine, Card, CorrectedLine, Digest
from signals_pipeline.core.record.calibration import CalibrationLine, calibration
from signals_pipeline.core.record.information_coefficient import RankCorrelation
from signals_pipeline.core.record.outcome_index import ANY, OutcomeIndex
from signals_pipeline.core.record.outcomes import HORIZONS, Provenance
from signals_pipeline.core.record.track_record import RecordLine, rank_ic
from signals_pipeline.core.windows import newest_complete, window_starting
from signals_pipeline.web import digest_schemas, schemas
from signals_pipeline.web.context import WebContext
from signals_pipeline.web.permalinks import signal_name
from signals_pipeline.web.response_cache import CachedResponse

CALIBRATED_OVER = 5
"""Sessions over which scores and confidences are held against outcomes."""


def card_name(card: Card | ActiveLine | CorrectedLine) -> str:
    """The permanent name of the signal of a card or line: of the window at whose end it was decided."""
    return signal_name(SignalKey(newest_complete(card.decided_at).start, card.symbol, card.signal_type))


def digest_answer(stored: StoredDigest) -> digest_schemas.DigestAnswer:
    """A digest as the API tells it.

    Raises:
        DigestError: it was stored by another version of this code.
    """
    digest = Digest.from_json(stored.content)
    sections = (("new", digest.new), ("changed", digest.changed), ("from_missed", digest.from_missed))
    return digest_schemas.DigestAnswer.model_validate(
        {
            **{name: getattr(digest, name) for name in _DIGEST},
            "window": digest.window_key,
            "sha256": stored.entry.sha256,
            "coverage_line": digest.coverage.line(digest.model),
            "items": [_item(card, section, digest) for section, cards in sections for card in cards],
        }
    )


def digest_bytes(context: WebContext, stored: StoredDigest) -> CachedResponse:
    """A digest's answer, made once as long as it doesn't change."""
    entry = stored.entry
    return context.kept.get(
        ("digest", entry.window_start, entry.sha256),
        lambda: CachedResponse.of(digest_answer(stored).model_dump_json().encode(), entry.sha256),
    )


def digest_list(entries: Sequence[DigestEntry], limit: int) -> schemas.DigestList:
    """A page of the archive from one entry more than it shows."""
    items = [
        schemas.DigestEntryAnswer.model_validate(
            {**{name: getattr(each, name) for name in _ENTRY}, "window": window_starting(each.window_start).key}
        )
        for each in entries[:limit]
    ]
    return schemas.DigestList(items=items, next=items[-1].window if len(entries) > limit else None)


def signal_list(entries: Sequence[SignalEntry], limit: int) -> schemas.SignalList:
    """A page of signals from one more than it shows."""
    items = [signal_answer(each) for each in entries[:limit]]
    return schemas.SignalList(items=items, next=items[-1].id if len(entries) > limit else None)


def signal_answer(entry: SignalEntry) -> schemas.SignalAnswer:
    """A signal as the API tells it."""
    return schemas.SignalAnswer.model_validate(
        {
            **{name: getattr(entry, name) for name in _SIGNAL},
            "id": signal_name(entry.key),
            "window": window_starting(entry.window_start).key,
            "contributions": json.loads(entry.contributions),
        }
    )


@dataclass(frozen=True, slots=True)
class Record:
    """How all signals did.

    Attributes:
        newest: When the newest outcome became known, UTC; None where none is.
        lines: All, BUY and SELL signals, live and backfilled apart, one line a horizon.
        correlations: Of score and net return, one a horizon.
        by_score: Hit rates by |combined score| over 5 sessions.
        by_confidence: Hit rates by tone confidence over 5 sessions.
    """

    newest: datetime | None
    lines: tuple[RecordLine, ...]
    correlations: tuple[RankCorrelation, ...]
    by_score: tuple[CalibrationLine, ...]
    by_confidence: tuple[CalibrationLine, ...]


def record_of(context: WebContext) -> Record:
    """How all signals did, as known now."""
    as_of = context.now()
    outcomes = context.outcomes.known(as_of)
    return Record(
        newest=None if outcomes.empty else outcomes["known_at"].max().to_pydatetime(),
        lines=tuple(_lines(OutcomeIndex.from_outcomes(outcomes, context.history.modes(as_of)), as_of)),
        correlations=tuple(rank_ic(outcomes, horizon) for horizon in HORIZONS),
        by_score=calibration(outcomes, CALIBRATED_OVER, "combined_score"),
        by_confidence=calibration(outcomes, CALIBRATED_OVER, "confidence_score"),
    )


def record_answer(record: Record) -> schemas.RecordAnswer:
    """The record as the API tells it."""
    return schemas.RecordAnswer.model_validate(record)


def _lines(outcome_index: OutcomeIndex, as_of: datetime) -> Iterator[RecordLine]:
    """The live record of all signals, also where nothing is known, and the record of every group that has one."""
    for standing in get_args(Provenance):
        for whose, signal_type in (("All", ANY), ("BUY", "BUY"), ("SELL", "SELL")):
            lines = outcome_index.record(as_of, f"{whose} signals, {standing}", standing, signal_type)
            if any(line.n for line in lines) or (standing, whose) == ("live", "All"):
                yield from lines


def _item(card: Card, section: str, digest: Digest) -> dict[str, Any]:
    name = card_name(card)
    behind = {
        "ml_confidence": card.confidence_score,
        "model": digest.model,
        "single_story": card.fragile,
        "window": name[:16],
        **{field: getattr(card, field) for field in ("tone", "technical", "fresh")},
    }
    told = {field: getattr(card, field) for field in _ITEM}
    return {**told, "id": name, "section": section, "metadata": behind}


def _own(model: type[BaseModel], *made: str) -> list[str]:
    return [name for name in model.model_fields if name not in made]


_DIGEST = _own(digest_schemas.DigestAnswer, "window", "sha256", "coverage_line", "items")
_ENTRY = _own(schemas.DigestEntryAnswer, "window")
_SIGNAL = _own(schemas.SignalAnswer, "id", "window", "contributions")
_ITEM = _own(digest_schemas.Item, "id", "section", "metadata")
