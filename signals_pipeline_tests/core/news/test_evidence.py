"""However the work on a range of windows is cut into chunks, its evidence is the same."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import given, settings

from signals_pipeline.core.chunks import MapChunks, map_serially
from signals_pipeline.core.linking.clauses import NO_TONE_REASONS
from signals_pipeline.core.news import evidence, normalisation
from signals_pipeline.core.news.evidence import ARCHIVE, MAX_AGE, build_evidence
from signals_pipeline.core.news.normalisation import RawHeadline, normalise
from signals_pipeline_tests.support.chunks import map_in_reverse
from signals_pipeline_tests.support.headline_deliveries import MODES, START, WATCHLIST, WINDOWS, deliveries, raw


@contextmanager
def chunks_of(maximum: int) -> Iterator[None]:
    """Chunks with a maximum number of headlines or windows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(normalisation, "HEADLINES_A_SHARE", maximum)
        patch.setattr(evidence, "WINDOWS_A_SHARE", maximum)
        yield


def evidence_rows(
    items: Sequence[RawHeadline], mode: tuple[float, bool], map_chunks: MapChunks
) -> tuple[pd.DataFrame, dict[str, int]]:
    normalised = normalise(items, map_chunks)
    return build_evidence(
        normalised.items, WATCHLIST, WINDOWS, lookback_hours=mode[0], strict=mode[1], map_chunks=map_chunks
    )


@settings(max_examples=10, deadline=None)
@given(deliveries(), MODES, st.integers(1, 5))
def test_the_size_of_the_chunks_changes_nothing(
    items: list[RawHeadline], mode: tuple[float, bool], maximum: int
) -> None:
    normalised = normalise(items)
    frame, without_tone = evidence_rows(items, mode, map_serially)

    with chunks_of(maximum):
        normalised_in_chunks = normalise(items, map_in_reverse)
        frame_in_chunks, without_tone_in_chunks = evidence_rows(items, mode, map_in_reverse)

    pd.testing.assert_frame_equal(normalised_in_chunks.items, normalised.items)
    assert normalised_in_chunks.drops == normalised.drops
    assert normalised_in_chunks.results == normalised.results
    pd.testing.assert_frame_equal(frame_in_chunks, frame)
    assert without_tone_in_chunks == without_tone


def test_every_reason_for_no_tone_is_counted_over_all_chunks() -> None:
    title = "Shoppers like Microsoft more than Walmart"
    items = [raw(title, START + pd.Timedelta(days=day, hours=15)) for day in range(1, 8)]

    with chunks_of(3):
        frame, without_tone = evidence_rows(items, (6.0, False), map_in_reverse)

    assert set(without_tone) == {*NO_TONE_REASONS, ARCHIVE}
    assert sum(without_tone.values()) == int((frame["reason"] != "").sum()) > 0


def test_archive_material_stays_in_the_evidence_without_tone() -> None:
    first_seen_at = START + pd.Timedelta(days=5, hours=15)
    ages = {"Microsoft cuts 100 jobs": MAX_AGE, "Microsoft signs cloud deal": MAX_AGE + pd.Timedelta(minutes=1)}
    items = [raw(title, first_seen_at - age, first_seen_at=first_seen_at) for title, age in ages.items()]

    frame, without_tone = evidence_rows(items, (6.0, False), map_serially)

    texts = dict(zip(frame["title"], frame["text"], strict=True))
    assert texts == {"Microsoft cuts 100 jobs": "Microsoft cuts 100 jobs", "Microsoft signs cloud deal": ""}
    assert without_tone[ARCHIVE] == 1
    assert (frame["relevance"] > 0).all()


def test_a_headline_that_nobody_recorded_is_as_old_as_its_publication() -> None:
    _, without_tone = evidence_rows(
        [raw("Microsoft cuts 100 jobs", START + pd.Timedelta(days=2))], (6.0, False), map_serially
    )

    assert without_tone[ARCHIVE] == 0
