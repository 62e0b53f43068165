"""What a signal came from: live or backfilled, which generator, which model. A record covers signals of one origin.

A live signal was decided while its outcome could not be known; a technical one rests on no news; another model reads
the same headline otherwise. Adding any two of them up would say nothing about either.
"""

from dataclasses import dataclass
from typing import Literal, cast, get_args

import pandas as pd

from signals_pipeline.core.signal_fields import Source

Provenance = Literal["live", "backfilled"]
"""Whether signals were decided while their outcome could not be known, or afterwards."""

PROVENANCES: tuple[Provenance, ...] = get_args(Provenance)

LIVE_MODES = ("live", "catch_up")
"""Modes of a run whose signals count as live."""

ORIGIN_COLUMNS = ["provenance", "generator", "model"]
"""Columns of `tables.KNOWN_OUTCOMES` that hold the fields of an `Origin`, in its order."""

# What a generator, by the name of its setting, writes into its signals' `source`.
_SOURCES: dict[str, Source] = {"news_driven": "news_driven_ml", "technical": "technical"}


@dataclass(frozen=True, slots=True)
class Generation:
    """What generates signals.

    Attributes:
        generator: As a signal's `source`.
        model: Description of the sentiment model: name, arithmetic, content-derived revision and origin, and that of
            its companion. Two models are the same where all of it is the same.
    """

    generator: Source
    model: str

    @classmethod
    def of_run(cls, signal_generator: str, model: str) -> "Generation":
        """The generation of a run.

        Args:
            signal_generator: The run's knob SIGNAL_GENERATOR.
            model: Description of the run's model.

        Raises:
            ValueError: the generator is unknown.
        """
        source = _SOURCES.get(signal_generator)
        if source is None:
            raise ValueError(f"unknown generator {signal_generator!r}; choose {' or '.join(_SOURCES)}")
        return cls(source, model)

    @property
    def words(self) -> str:
        """The generation in words, such as `compact int8 @0123456789ab`; the technical generator has no model."""
        return "technical generator" if self.generator == "technical" else self.model


@dataclass(frozen=True, slots=True)
class Origin:
    """The signals that may be added up.

    Attributes:
        provenance: Live or backfilled.
        generation: Generator and model.
    """

    provenance: Provenance
    generation: Generation

    @property
    def words(self) -> str:
        """The origin in words, such as `live, compact int8 @0123456789ab`."""
        return f"{self.provenance}, {self.generation.words}"


def provenance_of(mode: str | None) -> Provenance:
    """Whether signals of a run in this mode count as live; None, a run that is not known, does not."""
    return "live" if mode in LIVE_MODES else "backfilled"


def rows_by_origin(outcomes: pd.DataFrame) -> dict[Origin, pd.DataFrame]:
    """Rows of `tables.KNOWN_OUTCOMES` by origin: live before backfilled, then those with most rows first."""
    groups: list[tuple[Origin, pd.DataFrame]] = []
    for key, rows in outcomes.groupby(ORIGIN_COLUMNS, sort=True):
        provenance, generator, model = cast("tuple[Provenance, Source, str]", key)
        groups.append((Origin(provenance, Generation(generator, model)), rows))
    # A stable sort: equal ones stay in the order of generator and model.
    groups.sort(key=lambda group: (PROVENANCES.index(group[0].provenance), -len(group[1])))
    return dict(groups)
