"""`signals backfill --stack`: history in production from a laptop, in a task of the release that is in service."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from signals_pipeline.adapters.aws import services, stack
from signals_pipeline.adapters.aws.stack import DeployError
from signals_pipeline.adapters.stores.digests import DigestRepository
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.cli import main
from signals_pipeline.cli.prepare import prepare
from signals_pipeline.cli.remote import backfill_in_stack
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.control_service import recorded_surroundings
from signals_pipeline_tests.support.databases import create_postgres
from signals_pipeline_tests.support.ecs_agent import Agent
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS
from signals_pipeline_tests.support.stack_setup import create

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.filterwarnings("ignore:Tried to parse"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
FIRST, LAST = SAMPLE_WINDOWS[3].key, SAMPLE_WINDOWS[4].key


class Fargate:
    """Runs the one task that is launched, whenever the command waits; its output goes where CloudWatch has it."""

    def __init__(self, surroundings: dict[str, str]) -> None:
        self.agent = Agent(surroundings)
        self.commands: list[list[str]] = []

    def pause(self, _seconds: float) -> None:
        if self.commands:
            return
        [task] = self.agent.tasks
        [override] = task.overrides["containerOverrides"]
        self.commands.append(override["command"])
        exit_code, _ = self.agent.run(task, datetime.now(UTC))
        self.agent.stopped(task, exit_code, "Essential container in task exited")


@pytest.fixture
def fargate(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fargate:
    create(Deployment="production")
    url = create_postgres("remote_backfill")
    surroundings = recorded_surroundings(tmp_path, url, aws)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**surroundings, "SIGNALS_DATABASE_PASSWORD": "s" * 40}.items():
            patch.setenv(name, value)
        prepare(Settings.checked())
    monkeypatch.chdir(tmp_path)  # the laptop's: nothing of production is set
    return Fargate(surroundings)


def test_history_is_run_in_a_task_of_the_stack_and_its_output_is_shown_here(
    fargate: Fargate, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = r"`signals backfill` ended with exit code \[2\]: .*run it again for the rest"
    with pytest.raises(DeployError, match=failed):
        backfill_in_stack("signals", FIRST, "2190-02-03-08:30", force=False, seconds=60, pause=fargate.pause)
    assert "can't be run: choose a first and a last one" in capsys.readouterr().out

    fargate.commands.clear()
    backfill_in_stack("signals", FIRST, LAST, force=False, seconds=60, pause=fargate.pause)

    assert fargate.commands == [["signals", "backfill", "--from", FIRST, "--to", LAST]]
    shown = capsys.readouterr().out
    assert "in a task of signals-run:1" in shown
    assert "  windows to run: 2" in shown
    assert shown.count("windows to run: 2") == 1
    engine = engine_for(fargate.agent.surroundings["SIGNALS_DATABASE_URL"])
    stored = [(each.window_start, each.mode) for each in DigestRepository(engine).list()]
    assert stored == [(window.start, "backfill") for window in (SAMPLE_WINDOWS[4], SAMPLE_WINDOWS[3])]
    engine.dispose()
    # It needs no control service, which sleeps on.
    assert services.look(stack.read("signals")).desired == 0


def test_a_stack_that_is_not_there_is_one_line(aws: str) -> None:  # noqa: ARG001
    done = CliRunner().invoke(main, ["backfill", "--from", FIRST, "--to", LAST, "--stack", "other"])
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert "no stack 'other'" in done.output
