"""What docs/getting-live.md says is what the commands, the settings and the doctor say."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from signals_pipeline.cli import main
from signals_pipeline.cli.clock import utc_now
from signals_pipeline.cli.doctor import DEFAULT_SECONDS
from signals_pipeline.cli.doctor.checkup import WAIT_SHARE
from signals_pipeline.cli.doctor.local import local_probes, sequential
from signals_pipeline.settings import Settings

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "getting-live.md").read_text(encoding="utf-8")
STEPS = GUIDE.partition("\n# ")[0]
BLOCKS = re.findall(r"```\n(.*?)```", STEPS, re.DOTALL)
INLINE = re.findall(r"`([^`\n]+)`", GUIDE)


def said(first: str) -> Iterator[list[str]]:
    """The words of every command in the guide that begins with this word, without remarks."""
    lines = [line.partition("  #")[0].strip() for block in BLOCKS for line in block.splitlines()]
    for line in (*lines, *INLINE):
        if line.split()[:1] == [first]:
            yield shlex.split(line)[1:]


def test_its_commands_and_options_exist() -> None:
    found = [tuple(words) for words in said("signals")]
    assert {words[0] for words in found} >= {"watchlist", "migrate", "run", "preview", "doctor"}
    for words in found:
        command: click.Command = main
        left = list(words)
        while left and isinstance(command, click.Group):
            subcommand = command.get_command(click.Context(command), left.pop(0))
            assert subcommand is not None, f"signals {' '.join(words)}"
            command = subcommand
        command.make_context(str(command.name), left)  # refuses an option or an argument that there is not


def test_its_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {words[0] for words in said("make")}
    assert {"run", "dev"} <= named <= targets


def test_its_variables_are_settings() -> None:
    known = {name.upper() for name in Settings.model_fields}
    named = {each for each in re.findall(r"`([A-Z][A-Z_]+)(?:=[^`]*)?`", GUIDE) if "_" in each}
    named |= {line.partition("=")[0] for block in BLOCKS for line in block.splitlines() if re.match(r"[A-Z_]+=", line)}
    assert {"SIGNALS_DEPLOYMENT", "SIGNALS_WATCHLIST", "DIGEST_RECIPIENTS", "MAIL_TRANSPORT"} <= named
    for name in named:
        assert name in known or (name.endswith("_") and any(each.startswith(name) for each in known)), name


def test_the_first_step_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (words for words in said("signals") if words[0] == "watchlist"):
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.output
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
        signals_deployment="local", signals_data_dir=tmp_path, newsapi_key="k", signals_frames_url="s3://frames"
    )
    table = GUIDE.partition("| check |")[2].splitlines()[2:]
    named = [name.strip() for line in table if line.startswith("|") for name in line.split("|")[1].split(",")]
    assert sorted(named) == sorted(local_probes(everything, utc_now))
    assert set(sequential(everything)) <= set(named)
    assert f"{DEFAULT_SECONDS:g} s together" in GUIDE
    assert f"after {WAIT_SHARE * DEFAULT_SECONDS:g} s" in GUIDE


def test_what_it_refers_to_is_there() -> None:
    for path in re.findall(r"`(docs/[a-z-]+\.md|\.env\.example)`", GUIDE):
        assert (ROOT / path).exists()
