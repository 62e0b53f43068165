"""Resources: typed configuration whose `create_resource` returns a plain object; assets see only the object."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field, create_model
from sqlalchemy import Engine

from signals_pipeline.adapters.model.choice import model_folder
from signals_pipeline.adapters.model.folder import read_config
from signals_pipeline.adapters.model.running import SentimentModel
from signals_pipeline.adapters.news.recorded import RecordedNews
from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.adapters.prices.recorded import RecordedPrices
from signals_pipeline.adapters.stores.coverage import CoverageStore
from signals_pipeline.adapters.stores.digests import Digests
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.migrations import require_head
from signals_pipeline.adapters.stores.outbox import Outbox
from signals_pipeline.adapters.stores.outcomes import OutcomesStore
from signals_pipeline.adapters.stores.score_cache import ScoreCache
from signals_pipeline.adapters.stores.signal_history import SignalHistory
from signals_pipeline.adapters.watchlist import load_watchlist
from signals_pipeline.adapters.worker_pool import WorkerPool
from signals_pipeline.core.news.feeds import NewsSource, PriceSource
from signals_pipeline.core.watchlist import Watchlist
from signals_pipeline.core.windows import Sessions, Window
from signals_pipeline.defs.cached_scoring import Scorer, SwitchedOff
from signals_pipeline.settings.choices import Generator, ModelChoice
from signals_pipeline.settings.strategy import Knobs, OverriddenKnobs


@dataclass(frozen=True, slots=True)
class Store:
    """The pipeline's own database: one engine, one object a table group."""

    engine: Engine
    coverage: CoverageStore
    history: SignalHistory
    scores: ScoreCache
    outcomes: OutcomesStore
    digests: Digests
    outbox: Outbox


@dataclass(frozen=True, slots=True)
class MarketContext:
    """Who and what is watched: the watchlist and the exchange's sessions.

    Attributes:
        watchlist: Companies.
        deployment: Name of the deployment, shown in every digest.
        digests_dir: Folder of the rendered digests.
    """

    watchlist: Watchlist
    deployment: str
    digests_dir: Path

    def sessions(self, windows: tuple[Window, ...], *, back_days: int = 1_000, ahead_days: int = 30) -> Sessions:
        """Trading sessions around these windows."""
        first, last = windows[0].start.toordinal() - back_days, windows[-1].end.toordinal() + ahead_days
        return trading_sessions(date.fromordinal(first), date.fromordinal(last))


class KnobsResource(dg.ConfigurableResource[Knobs]):
    """Every knob that shapes signals, for this run; the values used are stored with the digest."""

    def create_resource(self, context: dg.InitResourceContext) -> Knobs:  # noqa: ARG002
        """The knobs of this run, validated: one clear line for a value out of bounds.

        Where one is not the deployment's, which is this resource's default, they are `OverriddenKnobs`.
        """
        asked = {name: getattr(self, name) for name in Knobs.model_fields}
        usual = {name: type(self).model_fields[name].default for name in asked}
        return (Knobs if asked == usual else OverriddenKnobs).checked(**asked)


def knobs_resource(defaults: Knobs) -> KnobsResource:
    """The knobs as launchpad fields made from `Knobs` itself, so that no knob is declared twice.

    Args:
        defaults: The deployment's settings; the launchpad shows them.
    """
    stored = defaults.stored()
    fields: dict[str, Any] = {
        name: (type(stored[name]), Field(default=stored[name], description=field.description))
        for name, field in Knobs.model_fields.items()
    }
    return create_model("KnobsLaunchpad", __base__=KnobsResource, __doc__=KnobsResource.__doc__, **fields)()


class RecordedNewsResource(dg.ConfigurableResource[NewsSource]):
    """Headlines from a recorded file."""

    path: str = Field(description="CSV, JSONL or Parquet file of headlines")

    def create_resource(self, context: dg.InitResourceContext) -> NewsSource:  # noqa: ARG002
        """The file as a news source; read on first use."""
        return RecordedNews(Path(self.path))


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
    """The pipeline's own database, refused unless it is at the revision that this code needs.

    The URL is no configuration field: it may carry a password, and a run's configuration is shown to everyone.

    Args:
        url: SQLAlchemy URL: sqlite:///... or postgresql+psycopg2://...
    """
    return dg.ResourceDefinition(lambda _: open_store(url), description="The pipeline's own database.")


def open_store(url: str) -> Store:
    """The store at this URL.

    Raises:
        DatabaseError: unreachable, or not at the revision that this code needs.
    """
    engine = engine_for(url)
    require_head(engine)
    return Store(
        engine,
        CoverageStore(engine),
        SignalHistory(engine),
        ScoreCache(engine),
        OutcomesStore(engine),
        Digests(engine),
        Outbox(engine),
    )


class MarketContextResource(dg.ConfigurableResource[MarketContext]):
    """Watchlist, calendar and where digests are written."""

    watchlist: str = Field(description="watchlist.yaml")
    deployment: str = Field(description="Name of the deployment")
    digests_dir: str = Field(description="Folder of the rendered digests")

    def create_resource(self, context: dg.InitResourceContext) -> MarketContext:  # noqa: ARG002
        """The desk with its validated watchlist."""
        return MarketContext(load_watchlist(Path(self.watchlist)), self.deployment, Path(self.digests_dir))


def scorer_resource(models_dir: Path) -> dg.ResourceDefinition:
    """The sentiment model that the run's knobs ask for, behind the score cache; none for the technical generator.

    It takes `knobs` and `store` as the run has them: a resource nested in another would keep the deployment's values
    whatever the launchpad says.

    Args:
        models_dir: Folder with prepared models, one a sub-folder (finbert/).
    """

    def create(context: dg.InitResourceContext) -> Scorer | SwitchedOff:
        return scorer_for(context.resources.knobs, models_dir, context.resources.store.scores)

    return dg.ResourceDefinition(
        create, required_resource_keys={"knobs", "store"}, description="The sentiment model behind its cache."
    )


def scorer_for(knobs: Knobs, models_dir: Path, cache: ScoreCache) -> Scorer | SwitchedOff:
    """The scorer that these knobs ask for.

    Raises:
        ModelError: FinBERT is asked for by name and not prepared, or the folder is damaged.
    """
    if knobs.signal_generator is Generator.TECHNICAL:
        return SwitchedOff()
    return choose_scorer(knobs.sentiment_model, models_dir, cache)


def choose_scorer(choice: ModelChoice, models_dir: Path, cache: ScoreCache) -> Scorer:
    """The scorer for a choice of model; `auto` says when it falls back to the compact one.

    Raises:
        ModelError: FinBERT is asked for by name and not prepared, or the folder is damaged.
    """
    folder, finbert = model_folder(choice, models_dir), models_dir / "finbert"
    chosen = folder == finbert or choice is ModelChoice.COMPACT
    fallback = "" if chosen else f"FinBERT is not prepared at {finbert}"
    card = read_config(folder)
    return Scorer(
        card.name, card.revision, card.quantisation, folder, lru_cache(1)(SentimentModel.load), cache, fallback
    )
