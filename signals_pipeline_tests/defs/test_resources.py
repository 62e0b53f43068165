"""Resources: which model is taken and what is said of it, which database is refused, knobs as launchpad fields."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import ENTITY_FILE, ModelError, read_manifest, write_manifest
from signals_pipeline.adapters.stores import migrations
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.adapters.watchlist import WatchlistError
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.core.windows import window_for_key
from signals_pipeline.defs.resources import (
    MarketContextResource,
    RecordedNewsResource,
    RecordedPricesResource,
    Store,
    choose_scorer,
    knobs_resource,
    open_store,
    scorer_resource,
    store_resource,
)
from signals_pipeline.settings.choices import ModelChoice
from signals_pipeline.settings.strategy import Knobs, OverriddenKnobs, SettingsError
from signals_pipeline_tests.support.databases import migrated_template

WINDOW = window_for_key("2015-02-03-08:30")


@pytest.fixture
def init() -> Iterator[dg.InitResourceContext]:
    with dg.build_init_resource_context() as context:
        yield context


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(migrated_template('sqlite'), tmp_path / 'signals.db')}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.engine.dispose()


def prepare_finbert(models: Path) -> Path:
    """A prepared model of another name and revision: the compact one with one head, read to another length."""
    folder = models / "finbert"
    shutil.copytree(sample.COMPACT_MODEL, folder)
    (folder / ENTITY_FILE).unlink(missing_ok=True)
    card = read_manifest(sample.COMPACT_MODEL)
    write_manifest(
        folder,
        name="finbert",
        id2label=card.id2label,
        max_length=card.max_length - 1,
        vocabulary=card.vocabulary,
        quantisation=card.quantisation,
    )
    return folder


def test_auto_takes_the_compact_model_where_finbert_is_not_prepared_and_says_so(store: Store, tmp_path: Path) -> None:
    scorer = choose_scorer(ModelChoice.AUTO, tmp_path, store.scores)
    assert (scorer.name, scorer.folder) == ("compact", sample.COMPACT_MODEL)
    assert scorer.fallback == f"FinBERT is not prepared at {tmp_path / 'finbert'}"


def test_compact_is_no_fallback_where_it_is_asked_for(store: Store, tmp_path: Path) -> None:
    prepare_finbert(tmp_path)
    scorer = choose_scorer(ModelChoice.COMPACT, tmp_path, store.scores)
    assert (scorer.name, scorer.fallback) == ("compact", "")


@pytest.mark.parametrize("choice", [ModelChoice.AUTO, ModelChoice.FINBERT])
def test_a_prepared_finbert_is_taken(store: Store, tmp_path: Path, choice: ModelChoice) -> None:
    folder = prepare_finbert(tmp_path)
    scorer = choose_scorer(choice, tmp_path, store.scores)
    assert (scorer.name, scorer.folder, scorer.fallback) == ("finbert", folder, "")
    assert scorer.revision == read_manifest(folder).revision != read_manifest(sample.COMPACT_MODEL).revision


def test_a_model_without_heads_for_companies_and_events_has_the_compact_one_as_its_companion(
    store: Store, tmp_path: Path
) -> None:
    prepare_finbert(tmp_path)
    companion = choose_scorer(ModelChoice.FINBERT, tmp_path, store.scores).companion
    assert companion is not None
    assert companion.revision == read_manifest(sample.COMPACT_MODEL).revision


def test_the_compact_model_needs_no_companion(store: Store, tmp_path: Path) -> None:
    assert choose_scorer(ModelChoice.COMPACT, tmp_path, store.scores).companion is None


def test_finbert_asked_for_by_name_and_not_prepared_is_one_line(store: Store, tmp_path: Path) -> None:
    expected = r"SENTIMENT_MODEL=finbert: not prepared at .*; signals model fetch, then signals model export"
    with pytest.raises(ModelError, match=expected) as refused:
        choose_scorer(ModelChoice.FINBERT, tmp_path, store.scores)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("choice", [ModelChoice.AUTO, ModelChoice.FINBERT])
def test_a_damaged_finbert_is_refused_and_never_replaced_in_silence(
    store: Store, tmp_path: Path, choice: ModelChoice
) -> None:
    (prepare_finbert(tmp_path) / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=r"tokenizer\.json: not the file that config\.json was made for"):
        choose_scorer(choice, tmp_path, store.scores)


def test_the_scorer_follows_the_knob(url: str, tmp_path: Path) -> None:
    prepare_finbert(tmp_path)
    for choice, name in (("auto", "finbert"), ("compact", "compact")):
        knobs = knobs_resource(Knobs.checked(sentiment_model=choice))
        wanted = {"knobs": knobs, "store": store_resource(url), "scorer": scorer_resource(tmp_path)}
        with dg.build_resources(wanted) as built:
            assert built.scorer.name == name


def test_without_ml_no_model_folder_is_read(url: str, tmp_path: Path) -> None:
    (prepare_finbert(tmp_path) / "tokenizer.json").write_text("{}")
    knobs = knobs_resource(Knobs.checked(sentiment_model="finbert", signal_generator="technical"))
    wanted = {"knobs": knobs, "store": store_resource(url), "scorer": scorer_resource(tmp_path)}
    with dg.build_resources(wanted) as built:
        scorer = built.scorer
    assert (scorer.description, scorer.fallback) == ("none: technical generator", "")
    headlines = pd.DataFrame({"text": ["a"]})
    assert scorer.scorable(headlines).empty
    nothing, report = scorer.score(pd.DataFrame(columns=["text", "span"], dtype="str"))
    assert (list(nothing.columns), report.scored, report.cached) == (["negative", "neutral", "positive", "event"], 0, 0)
    with pytest.raises(ValueError, match="1 texts to score, but SIGNAL_GENERATOR=technical uses no model"):
        scorer.score(pd.Series(["a"]))


def test_a_store_at_head_opens_and_its_parts_share_one_engine(url: str) -> None:
    with dg.build_resources({"store": store_resource(url)}) as built:
        opened: Store = built.store
    assert opened.history.modes(WINDOW.end) == {}
    assert opened.digests.newest() is None
    assert opened.engine.url.render_as_string() == url
    opened.engine.dispose()


@pytest.mark.parametrize(
    ("revision", "said"), [("001", "is at revision 001, this code needs"), ("base", "no tables yet")]
)
def test_a_store_at_another_revision_is_refused_in_one_line(url: str, revision: str, said: str) -> None:
    migrations.downgrade(url, revision)
    with pytest.raises(DatabaseError, match=rf"{said}.*: run `signals migrate`$") as refused:
        open_store(url)
    assert "\n" not in str(refused.value)


def test_the_launchpad_shows_the_deployments_own_knobs_and_gives_them_back(init: dg.InitResourceContext) -> None:
    knobs = Knobs.checked(
        max_signals=7, sentiment_model="compact", signal_generator="technical", min_combined_score=0.5
    )
    resource = knobs_resource(knobs)
    assert resource.create_resource(init) == knobs
    assert not isinstance(resource.create_resource(init), OverriddenKnobs)
    changed = type(resource)(max_signals=knobs.max_signals + 1)  # pyright: ignore[reportCallIssue]
    assert isinstance(changed.create_resource(init), OverriddenKnobs)
    shown = resource.get_resource_definition().config_schema.config_type
    assert isinstance(shown, dg.Shape)
    assert {name: field.default_value for name, field in shown.fields.items()} == knobs.stored()
    meanings = {name: field.description for name, field in Knobs.model_fields.items()}
    assert {name: field.description for name, field in shown.fields.items()} == meanings
    assert all(meanings.values())


def test_a_knob_out_of_bounds_is_one_line(init: dg.InitResourceContext) -> None:
    resource = knobs_resource(Knobs())
    with pytest.raises(SettingsError, match=r"^MAX_SIGNALS=0: ") as refused:
        type(resource)(max_signals=0).create_resource(init)  # pyright: ignore[reportCallIssue]  # a field made from `Knobs`
    assert "\n" not in str(refused.value)


def test_recorded_feeds_are_read_by_their_resources(init: dg.InitResourceContext) -> None:
    news = RecordedNewsResource(path=str(sample.HEADLINES)).create_resource(init)
    prices = RecordedPricesResource(path=str(sample.PRICES)).create_resource(init)
    assert news.fetch(WINDOW.start, WINDOW.end).headlines
    bars = prices.bars(["MSFT"], WINDOW.start.date() - timedelta(days=7), WINDOW.start.date())
    assert set(bars["symbol"]) == {"MSFT"}


def test_a_recorded_file_is_read_in_the_zone_that_is_set(tmp_path: Path, init: dg.InitResourceContext) -> None:
    path = tmp_path / "news.csv"
    path.write_text("published_at,symbol,title,source,url\n2015-02-03 10:00,MSFT,Title,s,u\n", encoding="utf-8")
    with_zone = RecordedNewsResource(path=str(path), timezone="America/New_York").create_resource(init)
    (item,) = with_zone.fetch(WINDOW.start, WINDOW.end).headlines
    assert item.published_at == datetime(2015, 2, 3, 15, tzinfo=UTC)
    with pytest.raises(SourceError, match="set NEWS_TIMEZONE"):
        RecordedNewsResource(path=str(path)).create_resource(init).fetch(WINDOW.start, WINDOW.end)


def test_the_desk_has_the_sessions_around_its_windows(tmp_path: Path, init: dg.InitResourceContext) -> None:
    resource = MarketContextResource(watchlist=str(sample.WATCHLIST), deployment="local", digests_dir=str(tmp_path))
    pipeline = resource.create_resource(init)
    assert (pipeline.deployment, pipeline.digests_dir) == ("local", tmp_path)
    assert "MSFT" in pipeline.watchlist
    last = window_for_key("2015-02-05-17:30")
    sessions = pipeline.sessions((WINDOW, last), back_days=10, ahead_days=5)
    days = [str(day) for day in sessions.dates]
    assert (days[0], days[-1]) == ("2015-01-26", "2015-02-11")  # a Saturday ten days before has none
    assert "2015-02-07" not in days
    assert str(sessions.last_closed(WINDOW.as_of)) == "2015-02-03"


def test_a_watchlist_that_is_not_there_is_one_line(tmp_path: Path, init: dg.InitResourceContext) -> None:
    resource = MarketContextResource(
        watchlist=str(tmp_path / "none.yaml"), deployment="local", digests_dir=str(tmp_path)
    )
    with pytest.raises(WatchlistError, match=r"none\.yaml") as refused:
        resource.create_resource(init)
    assert "\n" not in str(refused.value)
