"""From stored digests, signals and outcomes to the API's responses."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from signals_pipeline.adapters.rendering.safe_text import link
from signals_pipeline.adapters.stores.digests import DigestEntry, StoredDigest
from signals_pipeline.adapters.stores.signals import SignalEntry, SignalKey
from signals_pipeline.adapters.stores.window_revisions import WindowRevision
from signals_pipeline.core.digest.model import ActiveLine, Card, CorrectedLine, Digest
from signals_pipeline.core.record.calibration import CalibrationLine, calibration
from signals_pipeline.core.record.information_coefficient import RankCorrelation
from signals_pipeline.core.record.origin import PROVENANCES, Generation, Origin, Provenance, rows_by_origin
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.core.record.track_record import ANY, OutcomeIndex, RecordLine, rank_ic
from signals_pipeline.core.signal_fields import DecisionFields, SignalSummary, Source, field_values
from signals_pipeline.core.tables import KNOWN_OUTCOMES
from signals_pipeline.core.windows import newest_complete, window_starting
from signals_pipeline.web import digest_schemas, schemas
from signals_pipeline.web.conditional import Representation
from signals_pipeline.web.context import WebContext
from signals_pipeline.web.permalinks import signal_id
from signals_pipeline.web.safe import plain

# Sessions after which scores and confidences are compared with outcomes.
CALIBRATION_HORIZON = 5

# Digests whose page or JSON is cached: about three months. A digest has 10 to 25 kB of JSON.
MAXIMUM_CACHED = 128
# Signals whose response is cached; one has 5 to 10 kB in memory.
MAXIMUM_CACHED_SIGNALS = 1024

# Groups of the track record: label and signal type.
_SIGNAL_GROUPS = (("All", ANY), ("BUY", "BUY"), ("SELL", "SELL"))


def card_signal_id(card: Card | ActiveLine | CorrectedLine) -> str:
    """Return the permanent name of a card's or line's signal: its window is the one that ended at the decision."""
    window = newest_complete(card.decided_at)
    return signal_id(SignalKey(window.start, card.symbol, card.signal_type))


@lru_cache(maxsize=MAXIMUM_CACHED)
def digest_representation(stored: StoredDigest) -> Representation:
    """Return a digest's JSON. Cached by entry and content: a changed digest has another key, so that none is stale."""
    body = digest_response(stored).model_dump_json().encode()
    return Representation.from_body(body, name=stored.entry.sha256)


def digest_response(stored: StoredDigest) -> digest_schemas.DigestResponse:
    """Return a digest as the API's response.

    Raises:
        DigestError: It was stored by another version of this code.
    """
    digest = Digest.from_json(stored.content)
    # Sections of the digest in their order on the page.
    items: list[dict[str, Any]] = []
    for section in ("new", "changed", "from_missed"):
        items.extend(_digest_item(card, section, digest) for card in getattr(digest, section))
    return digest_schemas.DigestResponse.model_validate(
        {
            **_shared_fields(digest, digest_schemas.DigestResponse),
            "window": digest.window_key,
            "sha256": stored.entry.sha256,
            "coverage_line": digest.coverage.line(digest.model),
            "items": items,
        }
    )


def _digest_item(card: Card, section: str, digest: Digest) -> dict[str, Any]:

    metadata = {
        "ml_confidence": card.confidence_score,
        "model": digest.model,
        "tone": card.tone,
        "technical": card.technical,
        "fresh": card.fresh,
        "single_story": card.fragile,
        "window": newest_complete(card.decided_at).key,
    }
    return {
        **_shared_fields(card, digest_schemas.DigestItem),
        "id": card_signal_id(card),
        "section": section,
        "metadata": metadata,
    }


def digest_list(entries: Sequence[DigestEntry], limit: int) -> schemas.DigestList:
    """Return a page of the archive.

    Args:
        entries: One more than the page shows, where there is another page.
        limit: Items per page.
    """
    items: list[schemas.DigestEntryResponse] = []
    for entry in entries[:limit]:
        window = window_starting(entry.window_start)
        fields = _shared_fields(entry, schemas.DigestEntryResponse)
        items.append(schemas.DigestEntryResponse(**fields, window=window.key))
    has_more = len(entries) > limit
    return schemas.DigestList(items=items, next=items[-1].window if has_more else None)


def revision_list(revisions: Sequence[WindowRevision]) -> schemas.RevisionList:
    """Return the revisions of a window."""
    items: list[schemas.RevisionResponse] = []
    for revision in revisions:
        signals = [
            schemas.RevisedSignal(
                **field_values(SignalSummary, signal.candidate), **field_values(DecisionFields, signal)
            )
            for signal in revision.signals
        ]
        item = schemas.RevisionResponse(
            window=window_starting(revision.window_start).key,
            number=revision.number,
            made_at=revision.made_at,
            mode=revision.mode,
            model=revision.model,
            knobs=revision.knobs,
            signals=signals,
        )
        items.append(item)
    return schemas.RevisionList(items=items)


def signal_list(entries: Sequence[SignalEntry], limit: int) -> schemas.SignalList:
    """Return a page of signals; arguments as in `digest_list`."""
    items = [signal_response(entry) for entry in entries[:limit]]
    has_more = len(entries) > limit
    return schemas.SignalList(items=items, next=items[-1].id if has_more else None)


@lru_cache(maxsize=MAXIMUM_CACHED_SIGNALS)
def signal_response(entry: SignalEntry) -> schemas.SignalResponse:
    """Return a signal with its outcomes as the API's response. Cached by content, as digests are."""
    return schemas.SignalResponse.model_validate(
        {
            **_shared_fields(entry, schemas.SignalResponse),
            "id": signal_id(entry.key),
            "window": window_starting(entry.window_start).key,
            # Stored as JSON text.
            "contributions": json.loads(entry.contributions),
        }
    )


def plain_entry(entry: SignalEntry) -> SignalEntry:
    """Return a signal whose texts from outside are plain, as in every response."""
    # In the contributions JSON escapes what is not plain.
    return replace(entry, news_title=plain(entry.news_title), news_url=link(entry.news_url), model=plain(entry.model))


def _shared_fields(source: object, model: type[BaseModel]) -> dict[str, Any]:
    """Return the fields of a response that its source has under the same name; the caller adds the others."""
    return {name: getattr(source, name) for name in model.model_fields if hasattr(source, name)}


@dataclass(frozen=True, slots=True)
class OriginRecord:
    """The track record of signals of one origin: of one generator and model, live or backfilled.

    Attributes:
        provenance: Live or backfilled.
        generator: As a signal's `source`.
        model: Description of the sentiment model.
        lines: All, BUY and SELL signals, one line per horizon.
        correlations: Rank correlation of score and net return, one per horizon.
        by_score: Hit rates by |combined score| after `CALIBRATION_HORIZON` sessions.
        by_confidence: Hit rates by tone confidence after as many sessions.
    """

    provenance: Provenance
    generator: Source
    model: str
    lines: tuple[RecordLine, ...]
    correlations: tuple[RankCorrelation, ...]
    by_score: tuple[CalibrationLine, ...]
    by_confidence: tuple[CalibrationLine, ...]

    @property
    def words(self) -> str:
        """The origin in words."""
        return Origin(self.provenance, Generation(self.generator, self.model)).words


@dataclass(frozen=True, slots=True)
class Record:
    """The track record of all signals.

    Attributes:
        newest: When the newest outcome became known, UTC; None where none is known.
        current: Records of the generator and model of the newest window: the live one even if nothing is known of it,
            the backfilled one where it has outcomes.
        others: Records of other generators and models, live before backfilled.
    """

    newest: datetime | None
    current: tuple[OriginRecord, ...]
    others: tuple[OriginRecord, ...]


def load_record(context: WebContext) -> Record:
    """Return the track record as of now."""
    # Only outcomes that are known by now.
    as_of = context.now()
    outcomes = context.outcomes.known(as_of)
    outcome_index = OutcomeIndex.from_outcomes(outcomes)
    by_origin = rows_by_origin(outcomes)

    newest_run = context.history.newest_run(as_of)
    current: list[Origin] = []
    if newest_run is not None:
        origins = [Origin(provenance, newest_run.generation) for provenance in PROVENANCES]
        current = [origin for origin in origins if origin.provenance == "live" or origin in by_origin]
    others = [origin for origin in by_origin if origin not in current]

    def record_of(origin: Origin) -> OriginRecord:
        rows = by_origin.get(origin, KNOWN_OUTCOMES.empty())
        return OriginRecord(
            provenance=origin.provenance,
            generator=origin.generation.generator,
            model=origin.generation.model,
            lines=tuple(_record_lines(outcome_index, origin, as_of)),
            correlations=tuple(rank_ic(rows, horizon) for horizon in HORIZONS),
            by_score=calibration(rows, CALIBRATION_HORIZON, "combined_score"),
            by_confidence=calibration(rows, CALIBRATION_HORIZON, "confidence_score"),
        )

    return Record(
        newest=None if outcomes.empty else outcomes["known_at"].max().to_pydatetime(),
        current=tuple(record_of(origin) for origin in current),
        others=tuple(record_of(origin) for origin in others),
    )


def record_response(record: Record) -> schemas.RecordResponse:
    """Return the track record as the API's response."""
    return schemas.RecordResponse.model_validate(record)


def _record_lines(outcome_index: OutcomeIndex, origin: Origin, as_of: datetime) -> Iterator[RecordLine]:
    """Yield the lines of each group that has outcomes; all signals also where none is known."""
    for group, signal_type in _SIGNAL_GROUPS:
        lines = outcome_index.record(as_of, f"{group} signals, {origin.provenance}", origin, signal_type)
        if group == "All" or any(line.n for line in lines):
            yield from lines
