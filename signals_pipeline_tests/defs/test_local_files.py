"""The project's own `dagster.yaml`: a deployment's runs, artifacts and logs are in its data folder."""

import shutil
from pathlib import Path

import dagster as dg
import pytest

from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.settings import Settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(repository() / "dagster.yaml", folder)
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return folder


def check_place(instance: dg.DagsterInstance, folder: Path) -> None:
    """Runs, events and schedules, artifacts and logs of an instance are all in this folder."""
    assert (folder / "history" / "runs.db").is_file()
    assert (folder / "schedules" / "schedules.db").is_file()
    assert Path(instance.storage_directory()) == folder / "storage"
    assert Path(instance.schedules_directory()) == folder / "schedules"
    location = instance.compute_log_manager.get_log_metadata(["run", "step"]).stdout_location
    assert location is not None
    assert Path(location).is_relative_to(folder / "logs")


@pytest.mark.parametrize(("deployment", "data"), [("demo", "var/demo"), ("local", "var")])
def test_a_deployment_s_instance_is_in_its_data_folder_from_every_working_directory(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deployment: str, data: str
) -> None:
    monkeypatch.setenv("SIGNALS_DEPLOYMENT", deployment)
    for cwd in (home, tmp_path):
        monkeypatch.chdir(cwd)
        with dg.DagsterInstance.get() as instance:
            check_place(instance, home / data / "dagster")
    assert Settings.checked().signals_data_dir == home / data


def test_the_instance_follows_the_data_folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALS_DATA_DIR", str(tmp_path / "elsewhere"))
    with dg.DagsterInstance.get() as instance:
        check_place(instance, tmp_path / "elsewhere" / "dagster")
    assert {entry.name for entry in home.iterdir()} == {"dagster.yaml"}
