"""Runs from the command line: which windows they cover, and where Dagster records them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from signals_pipeline import sample
from signals_pipeline.cli import runs
from signals_pipeline.cli.instances import local_instance
from signals_pipeline.core.windows import WindowError, newest_complete, window_for_key
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import SettingsError

KEY = "2015-02-03-08:30"


@pytest.fixture
def demo(tmp_path: Path) -> Settings:
    return Settings.checked(signals_data_dir=tmp_path / "data")


@pytest.fixture
def local(tmp_path: Path) -> Settings:
    feeds = {"signals_news_path": sample.HEADLINES, "signals_prices_path": sample.PRICES}
    return Settings.checked(signals_deployment="local", signals_data_dir=tmp_path / "data", **feeds)


def test_a_home_that_is_not_a_folder_is_one_line(demo: Settings, tmp_path: Path) -> None:
    missing = demo.model_copy(update={"dagster_home": tmp_path / "nowhere"})
    with pytest.raises(SettingsError, match="no such folder"):
        runs.execute(missing, (window_for_key(KEY),), mode="manual")


def test_without_a_window_the_demo_runs_all_and_others_the_newest(demo: Settings, local: Settings) -> None:
    windows = runs.windows_to_run(demo, None)
    assert (windows[0].key, windows[-1].key) == (sample.FIRST_WINDOW, sample.LAST_WINDOW)

    before = newest_complete(datetime.now(UTC))
    (newest,) = runs.windows_to_run(local, None)
    assert before <= newest <= newest_complete(datetime.now(UTC))

    assert (runs.default_mode(demo), runs.default_mode(local)) == ("backfill", "manual")


def test_a_range_includes_both_ends_and_must_be_complete(local: Settings) -> None:
    windows = runs.windows_in_range(local, "2015-01-30-17:30", KEY)
    assert [window.key for window in windows] == [
        "2015-01-30-17:30",
        "2015-02-02-08:30",
        "2015-02-02-17:30",
        "2015-02-03-08:30",
    ]
    assert runs.windows_to_run(local, KEY) == windows[-1:]
    for first, last in ((KEY, "2015-02-02-08:30"), ("2014-02-03-08:30", KEY), (KEY, "2190-02-03-08:30")):
        with pytest.raises(WindowError, match=f"windows {first} to {last} can't be run: choose .* from 2015-01-02"):
            runs.windows_in_range(local, first, last)


def test_the_dagster_yaml_of_a_home_decides_where_runs_are_recorded(
    demo: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(f"storage:\n  sqlite:\n    base_dir: {home / 'kept'}\n")
    monkeypatch.chdir(tmp_path)
    for settings, cwd in ((demo.model_copy(update={"dagster_home": home}), tmp_path), (demo, home)):
        monkeypatch.chdir(cwd)
        with local_instance(settings) as instance:
            assert instance.get_runs() == []
    assert (home / "kept").is_dir()
    assert not demo.signals_data_dir.exists()
