"""Dagster resources: typed configuration whose `create_resource` returns the plain object that assets get.

Live sources are in `live_news` and `live_prices`, mail is in `dispatch`, run metrics are in `metrics`.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
from pydantic import Field, create_model
from sqlalchemy import Engine

from signals_pipeline import sample
from signals_pipeline.adapters.model.choice import model_folder
from signals_pipeline.adapters.model.folder import ModelError, read_manifest
from signals_pipeline.adapters.model.inference import SentimentModel
from signals_pipeline.adapters.news.recorded import RecordedNews
from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.adapters.prices.recorded import RecordedPrices
from signals_pipeline.adapters.stores.coverage import CoverageRepository
from signals_pipeline.adapters.stores.digests import DigestRepository
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.migrations import require_head
from signals_pipeline.adapters.stores.outbox import Outbox
from signals_pipeline.adapters.stores.outcomes import OutcomeRepository
from signals_pipeline.adapters.stores.score_cache import ScoreCache
from signals_pipeline.adapters.stores.signal_history import SignalHistory
from signals_pipeline.adapters.stores.tables import MODEL_CHARACTERS
from signals_pipeline.adapters.stores.window_revisions import RevisionRepository
from signals_pipeline.adapters.watchlist import load_watchlist
from signals_pipeline.adapters.worker_pool import WorkerPool
from signals_pipeline.core.news.feeds import NewsSource, PriceSource
from signals_pipeline.core.watchlist import Watchlist
from signals_pipeline.core.windows import Sessions, Window
from signals_pipeline.defs.cached_scoring import Cache, Scorer, SwitchedOff
from signals_pipeline.settings.choices import ModelChoice, SignalGenerator
from signals_pipeline.settings.strategy import Knobs, OverriddenKnobs


@dataclass(frozen=True, slots=True)
class Store:
    """The pipeline's own database: one engine, and one repository per group of tables."""

    engine: Engine
    coverage: CoverageRepository
    history: SignalHistory
    scores: ScoreCache
    outcomes: OutcomeRepository
    digests: DigestRepository
    revisions: RevisionRepository
    outbox: Outbox


@dataclass(frozen=True, slots=True)
class MarketContext:
    """The watchlist, the exchange's calendar, and the deployment that watches them.

    Attributes:
        watchlist: Companies.
        deployment: Name of the deployment, shown in every digest.
        digests_dir: Folder of the rendered digests.
    """

    watchlist: Watchlist
    deployment: str
    digests_dir: Path

    def sessions(self, windows: tuple[Window, ...], *, back_days: int = 1_000, ahead_days: int = 30) -> Sessions:
        """Trading sessions around windows, oldest first.

        Args:
            windows: Oldest first.
            back_days: Calendar days before the first window; the default holds the bars that technicals need.
            ahead_days: Calendar days after the last window; the default holds the longest outcome horizon.
        """
        first_day = windows[0].start.date() - timedelta(days=back_days)
        last_day = windows[-1].end.date() + timedelta(days=ahead_days)
        return trading_sessions(first_day, last_day)


class KnobsResource(dg.ConfigurableResource[Knobs]):
    """The knobs that shape the signals of a run; the values used are stored with its digests."""

    def create_resource(self, context: dg.InitResourceContext) -> Knobs:  # noqa: ARG002
        """The validated knobs of this run; `OverriddenKnobs` if any differs from the deployment's.

        The deployment's values are the defaults of this resource's fields.

        Raises:
            SettingsError: a value is out of bounds.
        """
        values = {name: getattr(self, name) for name in Knobs.model_fields}
        defaults = {name: type(self).model_fields[name].default for name in Knobs.model_fields}
        return Knobs.checked(**values) if values == defaults else OverriddenKnobs.checked(**values)


def knobs_resource(defaults: Knobs) -> KnobsResource:
    """The knobs as fields of the launchpad, derived from `Knobs`, so that no knob is declared twice.

    Args:
        defaults: The deployment's knobs, which the launchpad shows.
    """
    stored = defaults.stored()
    fields: dict[str, Any] = {}
    for name, field in Knobs.model_fields.items():
        fields[name] = (type(stored[name]), Field(default=stored[name], description=field.description))
    return create_model("KnobsLaunchpad", __base__=KnobsResource, __doc__=KnobsResource.__doc__, **fields)()


class RecordedNewsResource(dg.ConfigurableResource[NewsSource]):
    """Headlines from a recorded file."""

    path: str = Field(description="CSV, JSONL or Parquet file of headlines")
    timezone: str = Field(default="", description="IANA zone of times without a UTC offset; empty: they are not read")

    def create_resource(self, context: dg.InitResourceContext) -> NewsSource:  # noqa: ARG002
        """The file as a news source; read on first use."""
        return RecordedNews(Path(self.path), zone=ZoneInfo(self.timezone) if self.timezone else None)


class RecordedPricesResource(dg.ConfigurableResource[PriceSource]):
    """Daily bars from a recorded file."""

    path: str = Field(description="CSV (also gzipped) or Parquet file of daily bars")

    def create_resource(self, context: dg.InitResourceContext) -> PriceSource:  # noqa: ARG002
        """The file as a price source; read on first use."""
        return RecordedPrices(Path(self.path))


@dg.resource(description="Worker processes that share the work of a run over many windows.")
def worker_pool_resource(_context: dg.InitResourceContext) -> Iterator[WorkerPool]:
    """One pool for all stages of a run; it ends with the run."""
    # The modules whose functions the stages map: their imports take seconds.
    modules = ("signals_pipeline.core.news.evidence", "signals_pipeline.adapters.rendering.files")
    with closing(WorkerPool(*modules)) as pool:
        yield pool


def store_resource(url: str) -> dg.ResourceDefinition:
    """The pipeline's own database, which must be at the migration that this code needs.

    The URL is not a configuration field: it may hold a password, and the UI shows the configuration of every run.

    Args:
        url: SQLAlchemy URL: sqlite:///... or postgresql+psycopg2://...
    """
    return dg.ResourceDefinition(lambda _: open_store(url), description="The pipeline's own database.")


def open_store(url: str) -> Store:
    """The database at a URL.

    Raises:
        DatabaseError: it does not exist, cannot be reached, or is not at the migration that this code needs.
    """
    engine = engine_for(url, create=False)
    require_head(engine)
    return Store(
        engine,
        CoverageRepository(engine),
        SignalHistory(engine),
        ScoreCache(engine),
        OutcomeRepository(engine),
        DigestRepository(engine),
        RevisionRepository(engine),
        Outbox(engine),
    )


class MarketContextResource(dg.ConfigurableResource[MarketContext]):
    """Watchlist, calendar and the folder of the digests."""

    watchlist: str = Field(description="YAML file of the companies to watch")
    deployment: str = Field(description="Name of the deployment")
    digests_dir: str = Field(description="Folder of the rendered digests")

    def create_resource(self, context: dg.InitResourceContext) -> MarketContext:  # noqa: ARG002
        """The market context with its validated watchlist."""
        return MarketContext(load_watchlist(Path(self.watchlist)), self.deployment, Path(self.digests_dir))


def scorer_resource(models_dir: Path) -> dg.ResourceDefinition:
    """The sentiment model that the run's knobs choose, behind the score cache; none for the technical generator.

    It requires the run's `knobs` and `store` by key: a resource nested in another would keep the deployment's values
    whatever the launchpad says.

    Args:
        models_dir: Folder with one sub-folder per prepared model, such as finbert/.
    """

    def create(context: dg.InitResourceContext) -> Scorer | SwitchedOff:
        return scorer_for(context.resources.knobs, models_dir, context.resources.store.scores)

    return dg.ResourceDefinition(
        create, required_resource_keys={"knobs", "store"}, description="The sentiment model behind its cache."
    )


def scorer_for(knobs: Knobs, models_dir: Path, cache: Cache) -> Scorer | SwitchedOff:
    """The scorer that the knobs choose.

    Raises:
        ModelError: a model is chosen by name and not prepared, or its folder is damaged.
    """
    if knobs.signal_generator is SignalGenerator.TECHNICAL:
        return SwitchedOff()
    return choose_scorer(knobs.sentiment_model, models_dir, cache)


def choose_scorer(choice: str, models_dir: Path, cache: Cache) -> Scorer:
    """The scorer for a choice of model; its `fallback` says why `auto` uses the compact one.

    Raises:
        ModelError: a model is chosen by name and not prepared, its folder is damaged, or its description is too long.
    """
    folder = model_folder(choice, models_dir)
    finbert = models_dir / ModelChoice.FINBERT
    preferred = folder == finbert or choice != ModelChoice.AUTO
    fallback = "" if preferred else f"FinBERT is not prepared at {finbert}"
    scorer = _scorer_of(folder, cache)
    card = read_manifest(folder)
    # A model without heads for companies and events leaves those to the compact one.
    companion = None if card.tells_companies_apart and card.events else _scorer_of(sample.COMPACT_MODEL, cache)
    chosen = replace(scorer, fallback=fallback, companion=companion)
    if len(chosen.description) > MODEL_CHARACTERS:
        raise ModelError(
            f"{folder}: the model's description has {len(chosen.description)} characters, the database holds"
            f" {MODEL_CHARACTERS}; prepare it under a shorter name"
        )
    return chosen


def _scorer_of(folder: Path, cache: Cache) -> Scorer:
    """The scorer of one model folder.

    Raises:
        ModelError: the folder is missing or damaged.
    """
    card = read_manifest(folder)
    return Scorer(
        card.name,
        card.revision,
        card.quantisation,
        folder,
        lru_cache(1)(SentimentModel.load),
        cache,
        origin="" if card.origin is None else card.origin.description,
    )
