"""What docs/getting-live.md says is what the commands, the settings and the doctor say."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from signals_pipeline.adapters.clock import utc_now
from signals_pipeline.cli import main
from signals_pipeline.cli.doctor import DEFAULT_SECONDS
from signals_pipeline.cli.doctor.checkup import WAIT_SHARE
from signals_pipeline.cli.doctor.local import local_probes, sequential
from signals_pipeline.settings import Settings

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "getting-live.md").read_text(encoding="utf-8")
STEPS = GUIDE.partition("\n# ")[0]
BLOCKS = re.findall(r"```\n(.*?)```", STEPS, re.DOTALL)
INLINE = re.findall(r"`([^`\n]+)`", GUIDE)


def commands(program: str) -> Iterator[list[str]]:
    """The arguments of every call of a program in the guide."""
    lines = []
    for block in BLOCKS:
        for line in block.splitlines():
            command, _, _remark = line.partition("  #")
            lines.append(command.strip())
    for line in (*lines, *INLINE):
        if line.split()[:1] == [program]:
            yield shlex.split(line)[1:]


def test_its_commands_and_options_exist() -> None:
    calls = list(commands("signals"))

    assert {words[0] for words in calls} >= {"watchlist", "migrate", "run", "preview", "doctor"}
    for words in calls:
        command: click.Command = main
        left = list(words)
        while left and isinstance(command, click.Group):
            subcommand = command.get_command(click.Context(command), left.pop(0))
            assert subcommand is not None, f"signals {' '.join(words)}"
            command = subcommand
        command.make_context(str(command.name), left)  # fails if an option or argument does not exist


def test_its_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))

    named = {words[0] for words in commands("make")}

    assert {"run", "dev"} <= named <= targets


def test_its_variables_are_settings() -> None:
    variables = {name.upper() for name in Settings.model_fields}

    named = {name for name in re.findall(r"`([A-Z][A-Z_]+)(?:=[^`]*)?`", GUIDE) if "_" in name}
    for block in BLOCKS:
        named.update(re.findall(r"^([A-Z_]+)=", block, re.MULTILINE))

    assert {"SIGNALS_DEPLOYMENT", "SIGNALS_WATCHLIST", "DIGEST_RECIPIENTS", "MAIL_TRANSPORT"} <= named
    for name in named:
        is_prefix = name.endswith("_") and any(variable.startswith(name) for variable in variables)
        assert name in variables or is_prefix, name


def test_the_first_step_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words in commands("signals"):
        if words[0] == "watchlist":
            result = CliRunner().invoke(main, words)
            assert result.exit_code == 0, result.output
    assert (tmp_path / "watchlist.yaml").exists()
    [entry] = [line for block in BLOCKS for line in block.splitlines() if line.startswith("- {")]
    (tmp_path / "one.yaml").write_text(entry, encoding="utf-8")
    assert CliRunner().invoke(main, ["watchlist", "check", "one.yaml"]).exit_code == 0


def test_the_settings_of_the_second_step_make_a_live_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(main, ["watchlist", "copy", "dow30", "watchlist.yaml"])
    [block] = [block for block in BLOCKS if block.startswith("SIGNALS_DEPLOYMENT=")]
    (tmp_path / ".env").write_text(block, encoding="utf-8")
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    probes = local_probes(Settings.checked(), utc_now)
    assert {"news", "prices", "clock"} <= set(probes)
    assert probes["watchlist"]().text == "30 companies"
    assert probes["news"]().text == "live: yahoo, rss:yahoo"


def test_the_table_lists_the_checks_of_the_doctor(tmp_path: Path) -> None:
    everything = Settings.checked(
        signals_deployment="local",
        signals_data_dir=tmp_path,
        newsapi_key="k",
        tiingo_key="k",
        signals_frames_url="s3://frames",
        signals_readers="readers.yaml",
    )
    named = []
    for line in GUIDE.partition("| check |")[2].splitlines()[2:]:
        if line.startswith("|"):
            first_cell = line.split("|")[1]
            named += [name.strip() for name in first_cell.split(",")]

    assert sorted(named) == sorted(local_probes(everything, utc_now))
    assert set(sequential(everything)) <= set(named)
    assert f"{DEFAULT_SECONDS:g} s together" in GUIDE
    assert f"after {WAIT_SHARE * DEFAULT_SECONDS:g} s" in GUIDE


def test_what_it_refers_to_is_there() -> None:
    for path in re.findall(r"`(docs/[a-z-]+\.md|\.env\.example)`", GUIDE):
        assert (ROOT / path).exists()
