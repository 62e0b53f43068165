"""Live prices through the job: a range equals its windows one by one, a split reaches none before it, no call twice."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pandas as pd
import pytest
from pydantic import SecretStr

from signals_pipeline import sample
from signals_pipeline.cli.errors import user_message
from signals_pipeline.core.windows import Window, window_for_key, windows_between
from signals_pipeline.definitions import build_definitions
from signals_pipeline.defs.live_prices import LivePricesResource, second_vendor_resource
from signals_pipeline.defs.partitions import MODE_TAG, RANGE_END_TAG, RANGE_START_TAG
from signals_pipeline.defs.resources import store_resource
from signals_pipeline_tests.support.pipeline import TestPipeline
from signals_pipeline_tests.support.yahoo_server import Answer, YahooServer, charted, yahoo_server

WINDOWS = windows_between(window_for_key("2015-02-02-08:30").start, window_for_key("2015-02-04-08:30").start)
EX_DATE = "2015-02-03"
SYMBOLS = ("AAPL", "MSFT", "V")


@pytest.fixture(scope="module")
def bars() -> pd.DataFrame:
    frame = pd.read_csv(sample.PRICES, dtype={"symbol": "str"}, parse_dates=["date"])
    return frame[(frame["date"] >= "2014-06-01") & frame["symbol"].isin(SYMBOLS)].dropna()


@pytest.fixture
def followed(tmp_path: Path) -> Path:
    path = tmp_path / "watchlist.yaml"
    path.write_text("".join(f"- {{symbol: {symbol}, company: {symbol} Company}}\n" for symbol in SYMBOLS))
    return path


def serve(server: YahooServer, bars: pd.DataFrame, *, split: bool) -> None:
    for symbol, rows in bars.groupby("symbol"):
        actions = {EX_DATE: ("split", 4.0)} if split and symbol == "AAPL" else {}
        server.says(str(symbol), Answer(charted(str(symbol), rows, actions)))


@pytest.fixture
def server(bars: pd.DataFrame) -> Iterator[YahooServer]:
    with yahoo_server() as running:
        serve(running, bars, split=True)
        yield running


def run(
    pipeline: TestPipeline, server: YahooServer, windows: Sequence[Window], cache: Path
) -> dg.ExecuteInProcessResult:
    live = LivePricesResource(
        store=store_resource(pipeline.settings.database_url),
        second=second_vendor_resource(None),
        cache_dir=str(cache),
        spacing_seconds=0,
        base_url=server.url,
    )
    tags = {MODE_TAG: "backfill", RANGE_START_TAG: windows[0].key, RANGE_END_TAG: windows[-1].key}
    job = build_definitions(pipeline.settings, resource_overrides={"prices": live}).resolve_job_def("digest_job")
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return job.execute_in_process(
        instance=pipeline.instance, tags=tags, run_config=quiet, asset_selection=[dg.AssetKey("technicals")]
    )


def test_a_range_leaves_the_bytes_of_its_windows_and_a_split_reaches_none_before_it(
    server: YahooServer, bars: pd.DataFrame, followed: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.getbasetemp() / "yfinance"
    found: dict[str, dict[str, str]] = {}
    for name, groups in (("range", [WINDOWS]), ("each", [[one] for one in WINDOWS]), ("no split", [WINDOWS])):
        serve(server, bars, split=name != "no split")
        server.asked.clear()
        (tmp_path / name).mkdir()
        with TestPipeline.open(tmp_path / name, signals_watchlist=followed) as pipeline:
            notes = [
                pipeline.metadata(run(pipeline, server, each, cache), "technicals")["price_notes"] for each in groups
            ]
            found[name] = pipeline.files("frames")
            assert set(notes) == {"none"}
            assert server.calls == len(SYMBOLS)
            run(pipeline, server, WINDOWS, cache)
            assert server.calls == len(SYMBOLS)
            assert pipeline.files("frames") == found[name]
    assert found["range"] == found["each"]
    changed = {path for path, digest in found["range"].items() if found["no split"][path] != digest}
    before = {path for path in found["range"] if path.removeprefix("technicals/") < f"{EX_DATE}-0830"}
    assert changed == before != set()
    plain, traded = (
        pd.read_parquet(tmp_path / name / "data" / "frames" / min(before)).set_index("symbol")
        for name in ("no split", "range")
    )
    ratio = (traded["close"] / plain["close"]).to_dict()
    assert ratio == {"AAPL": 4.0, "MSFT": 1.0, "V": 1.0}
    said = {"rtol": 1e-6, "atol": 1e-6, "check_exact": False}
    pd.testing.assert_frame_equal(traded.drop(columns="close"), plain.drop(columns="close"), **said)


def test_an_outage_before_anything_is_stored_is_one_line(
    server: YahooServer, followed: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.getbasetemp() / "yfinance"
    for symbol in SYMBOLS:
        server.says(symbol, Answer(b"", status=401))
    with (
        TestPipeline.open(tmp_path, signals_watchlist=followed) as pipeline,
        pytest.raises(Exception, match=r"no daily bars") as refused,
    ):
        run(pipeline, server, WINDOWS[:1], cache)
    line = user_message(refused.value)
    assert line is not None
    assert line.startswith(
        "yahoo: no daily bars of 3 symbols are stored and none could be fetched"
        " (AAPL: 127.0.0.1/v8/finance/chart/AAPL returned HTTP 401)"
    )


def test_a_key_makes_the_second_vendor_and_is_not_in_the_configuration_that_dagster_shows() -> None:
    context = dg.build_init_resource_context()
    without = cast("Any", second_vendor_resource(None).resource_fn)(context)
    assert without.vendor is None
    resource = second_vendor_resource(SecretStr("t" * 40))
    made = cast("Any", resource.resource_fn)(context)
    assert made.vendor is not None
    assert made.vendor.name == "tiingo"
    assert not resource.config_schema.default_provided
    assert "t" * 40 not in repr(made)
