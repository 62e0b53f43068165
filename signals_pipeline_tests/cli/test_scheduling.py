"""`signals schedule`: the digest's schedule is switched on and off without the UI."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from dagster._core.scheduler.instigation import InstigatorStatus, ScheduleInstigatorData

from signals_pipeline.cli import main
from signals_pipeline.cli.instances import local_instance
from signals_pipeline.settings import Settings


def signals(*words: str) -> str:
    done = CliRunner().invoke(main, ["schedule", *words])
    assert done.exit_code == 0, done.output
    return done.output.strip()


def test_the_schedule_is_switched_on_and_off_and_its_state_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGNALS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SIGNALS_DEPLOYMENT", "local")
    assert signals("status") == "there is no Dagster instance yet"
    started: list[float] = []
    for verb, text in (
        ("on", "on, but the daemon has not been alive for 5 minutes"),
        ("off", "off: windows do not run automatically"),
        ("on", "on, but the daemon has not been alive for 5 minutes"),
    ):
        assert signals(verb) == f"digest_schedule is {verb}"
        assert signals("status") == text
        with local_instance(Settings.checked()) as instance:
            [state] = instance.all_instigator_state()
        assert (state.status is InstigatorStatus.RUNNING) is (verb == "on")
        assert isinstance(state.instigator_data, ScheduleInstigatorData)
        started.append(state.instigator_data.start_timestamp or 0)
    # What was missed while it was off is no tick of it; the next digest heals the windows.
    assert started[0] == started[1] < started[2]


def test_the_demo_has_no_schedule_to_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGNALS_DATA_DIR", str(tmp_path / "data"))
    done = CliRunner().invoke(main, ["schedule", "on"])
    assert (done.exit_code, done.output) == (
        2,
        "signals: SIGNALS_DEPLOYMENT=demo has no schedule; set local or production\n",
    )
