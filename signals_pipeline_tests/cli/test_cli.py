"""`signals` on the command line: every command, and every user error as one line on stderr with exit code 2."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from signals_pipeline import sample
from signals_pipeline.adapters.stores import migrations
from signals_pipeline.adapters.stores.tables import metadata
from signals_pipeline.cli import main
from signals_pipeline.cli.commands import HEAVY_COMMANDS, SECTIONS, options
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS

KEY = "2015-02-03-08:30"
Signals = Callable[..., Result]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of the commands that a test runs, empty; the working directory has no dagster.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGNALS_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def signals(data: Path) -> Signals:  # noqa: ARG001
    """Runs `signals` in this process."""
    return lambda *words: CliRunner().invoke(main, words)


def process(*words: str, cwd: Path, **variables: str) -> "subprocess.Popen[str]":
    """`signals` as a process of its own, with the variables given and none of the machine's."""
    ours = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.Popen(
        [sys.executable, "-m", "signals_pipeline", *words],
        cwd=cwd,
        env=kept | {"PYTHONPATH": os.pathsep.join(sys.path), "SIGNALS_DATA_DIR": str(cwd / "data"), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refused(result: Result) -> str:
    """The one line of a refusal."""
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("signals: ")
    return line.removeprefix("signals: ")


def test_a_window_is_run_shown_and_stored(signals: Signals, data: Path) -> None:
    ran = signals("run", "--window", KEY)
    assert ran.exit_code == 0, ran.output
    lines = ran.stdout.splitlines()
    count = sum(line.startswith("│") and KEY in line for line in lines)
    assert lines[0].strip() == f"{count} {'signal' if count == 1 else 'signals'} in 1 window"
    (disney,) = (line for line in lines if "DIS" in line and line.startswith("│"))
    cells = [cell.strip() for cell in disney.strip("│").split("│")]
    assert cells[:4] == [KEY, "DIS", "▲ BUY", "new"]
    assert cells[5].startswith("Disney files")
    assert {len(line) for line in lines if line[:1] in {"┃", "│"} and KEY in line} == {120}
    files = [Path(line.split(maxsplit=1)[1]) for line in ran.stdout.splitlines()[-3:]]
    assert [file.name for file in files] == [f"2015-02-03-0830.{kind}" for kind in ("html", "txt", "json")]
    digest = Digest.from_json(files[2].read_text())
    assert (digest.window_key, digest.mode) == (KEY, "manual")
    assert digest.subject in ran.stdout
    assert (data / "dagster" / "history").is_dir()
    assert sorted(path.name for path in data.parent.iterdir()) == ["data"]  # nothing beside the data folder


def test_a_backfill_runs_its_range_and_previews_are_the_stored_digests(signals: Signals, data: Path) -> None:
    ran = signals("backfill", "--from", "2015-02-02-17:30", "--to", KEY)
    assert ran.exit_code == 0, ran.output
    left, title, *_ = ran.stdout.splitlines()
    assert left == "windows to run: 2"
    assert "in 2 windows" in title
    again = signals("backfill", "--from", "2015-02-02-08:30", "--to", KEY)
    assert again.stdout.splitlines()[0] == "windows to run: 1; 2 already have a digest (--force runs them again)"
    written = {path.name: path.read_bytes() for path in (data / "digests").iterdir()}
    assert len(written) == 9
    assert Digest.from_json(written["2015-02-03-0830.json"].decode()).mode == "backfill"
    shown = signals("preview", KEY, "--to", str(data / "elsewhere"))
    assert shown.exit_code == 0, shown.output
    *copies, mail = (Path(line) for line in shown.stdout.splitlines())
    assert (mail.name, mail.parent) == ("2015-02-03-0830.eml", data / "elsewhere")
    assert {copy.name: copy.read_bytes() for copy in copies} == {copy.name: written[copy.name] for copy in copies}
    assert {copy.parent for copy in copies} == {data / "elsewhere"}
    (data / "file").touch()
    assert refused(signals("preview", KEY, "--to", str(data / "file"))).startswith(f"{data / 'file'}: ")
    assert "has no digest: run it with `signals run --window" in refused(signals("preview", "2015-02-04-08:30"))


def test_a_run_names_the_checks_that_did_not_pass(
    signals: Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"Rain in town {i},,2015-02-03T10:{i}:00Z,Wire,https://example.org/{i}\n" for i in range(10, 60))
    news = tmp_path / "news.csv"
    news.write_text(f"title,symbol,published_at,source,url\n{rows}")
    monkeypatch.setenv("SIGNALS_NEWS_PATH", str(news))
    shown = signals("run", "--window", "2015-02-02-17:30").stdout
    _, _, found = shown.partition("\nChecks that did not pass:\n")
    assert "headlines linked: " in found
    assert {line.split()[0] for line in found.splitlines() if line.startswith("  ")} <= {"ERROR", "warning"}


def test_the_demo_runs_its_whole_sample(tmp_path: Path) -> None:
    with process("run", cwd=tmp_path) as ran:
        out, err = ran.communicate()
    assert (ran.returncode, err) == (0, "")
    assert f"signals in {len(SAMPLE_WINDOWS)} windows, the newest 15" in out.splitlines()[0]
    assert len(list((tmp_path / "data" / "digests").glob("*.html"))) == len(SAMPLE_WINDOWS)


def test_a_local_deployment_runs_the_newest_complete_window(tmp_path: Path) -> None:
    feeds = {"SIGNALS_NEWS_PATH": str(sample.HEADLINES), "SIGNALS_PRICES_PATH": str(sample.PRICES)}
    with process("run", cwd=tmp_path, SIGNALS_DEPLOYMENT="local", **feeds) as ran:
        out, err = ran.communicate()
    assert (ran.returncode, err) == (0, "")
    assert out.splitlines()[0].strip() == "0 signals in 1 window"
    (stored,) = (tmp_path / "data" / "digests").glob("*.json")
    digest = Digest.from_json(stored.read_text())
    assert (digest.deployment, digest.mode, digest.coverage.headlines) == ("local", "manual", 0)


def test_migrate_upgrades_the_database_to_head_and_is_idempotent(signals: Signals, data: Path) -> None:
    for _ in range(2):
        assert signals("migrate").stdout == f"database at revision {migrations.head()}\n"
    assert migrations.current(f"sqlite:///{data / 'signals.db'}") == migrations.head()


def test_migrate_check_uses_no_database_and_names_a_difference(signals: Signals, data: Path) -> None:
    assert signals("migrate", "--check").stdout == f"migrations and tables agree at revision {migrations.head()}\n"
    assert not data.exists()
    extra = sa.Table("forgotten", metadata, sa.Column("id", sa.Integer(), primary_key=True))
    try:
        line = refused(signals("migrate", "--check"))
    finally:
        metadata.remove(extra)
    assert "forgotten" in line
    assert line.endswith("add a revision")


def test_migrate_check_reads_a_database_that_is_there_and_leaves_it_as_it_is(signals: Signals, data: Path) -> None:
    url = f"sqlite:///{data / 'signals.db'}"
    migrations.upgrade(url, "006")
    before = (data / "signals.db").read_bytes()

    lines = signals("migrate", "--check").stdout.splitlines()

    assert lines[1] == "database is at revision 006, `signals migrate` upgrades it"
    assert (data / "signals.db").read_bytes() == before
    migrations.upgrade(url)
    assert signals("migrate", "--check").stdout.splitlines()[1] == f"database is at revision {migrations.head()}"


@pytest.mark.parametrize("words", [("migrate",), ("migrate", "--check"), ("run", "--window", KEY)])
def test_tables_of_another_application_are_one_line_whatever_is_run(
    signals: Signals, data: Path, words: tuple[str, ...]
) -> None:
    data.mkdir()
    engine = sa.create_engine(f"sqlite:///{data / 'signals.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('002')")
        connection.exec_driver_sql("CREATE TABLE signal_history (id INTEGER, symbol TEXT, signal_type TEXT)")
    engine.dispose()

    line = refused(signals(*words))

    assert "signals.db has a table signal_history that is not recorded as the pipeline's (no column " in line
    assert line.endswith("choose another SIGNALS_DATABASE_URL")


REFUSED = {
    "bad key": (("run", "--window", "2015-02-03"), {}, "no window has the key '2015-02-03'; the nearest keys are"),
    "outside": (("run", "--window", "2014-02-03-08:30"), {}, "choose a first and a last one from 2015-01-23-17:30 to"),
    "reversed": (("backfill", "--from", KEY, "--to", "2015-02-02-08:30"), {}, "can't be run: choose"),
    "no digest": (("preview", KEY), {}, "signals.db: it does not exist; run `signals migrate` to create it"),
    "wrong knob": (("run",), {"MAX_SIGNALS": "many"}, "MAX_SIGNALS='many': "),
    "production without a database": (
        ("backfill", "--from", KEY, "--to", KEY),
        {"SIGNALS_DEPLOYMENT": "production"},
        "SIGNALS_DEPLOYMENT=production needs one",
    ),
    "reversed on a stack": (
        ("backfill", "--from", KEY, "--to", "2015-02-02-08:30", "--stack", "signals"),
        {},
        "the first is later than the last; swap them",
    ),
    "unknown deployment": (("migrate",), {"SIGNALS_DEPLOYMENT": "prodution"}, "SIGNALS_DEPLOYMENT='prodution': "),
    "no key": (("run",), {"SIGNALS_DEPLOYMENT": "local", "SIGNALS_FEEDS": "newsapi"}, "newsapi needs NEWSAPI_KEY"),
    "no model": (("run", "--window", KEY), {"SENTIMENT_MODEL": "finbert"}, "SENTIMENT_MODEL=finbert: not prepared at "),
    "no headlines": (("run", "--window", KEY), {"SIGNALS_NEWS_PATH": "nowhere.csv"}, "nowhere.csv"),
    "no home": (("run", "--window", KEY), {"DAGSTER_HOME": "nowhere"}, "DAGSTER_HOME='nowhere': no such folder"),
    "no database": (("migrate",), {"SIGNALS_DATABASE_URL": "mysql://h/d"}, "neither SQLite nor PostgreSQL"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_failure_that_the_user_can_act_on_is_one_line_and_exit_code_2(
    signals: Signals, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    words, variables, message = REFUSED[case]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert message in refused(signals(*words))


LOOKS = {
    "record": (),
    "tune": (),
    "deliveries": (),
    "feedback": (),
    "export": ("-",),
    "audit": ("--window", KEY),
    "preview": (KEY,),
    "send": (KEY,),
    "prune": (),
    "readers": ("list",),
}


@pytest.mark.parametrize("command", LOOKS)
def test_a_look_into_an_empty_folder_creates_nothing(signals: Signals, data: Path, command: str) -> None:
    assert "it does not exist; run `signals migrate` to create it" in refused(signals(command, *LOOKS[command]))
    assert list(data.parent.iterdir()) == []


def test_what_was_never_sent_and_a_bad_address_are_said_as_they_are(signals: Signals) -> None:
    signals("migrate")
    assert signals("deliveries").stdout == "no mail was ever promised\n"
    assert refused(signals("send-test", "nonsense")).startswith(
        "ADDRESS 'nonsense': an address is like ann@example.org"
    )


@pytest.mark.parametrize("case", ["bad key", "wrong knob", "no model"])
def test_a_terminal_shows_that_line_and_nothing_else(tmp_path: Path, case: str) -> None:
    words, variables, message = REFUSED[case]
    with process(*words, cwd=tmp_path, **variables) as ran:
        out, err = ran.communicate()
    assert (ran.returncode, out, len(err.splitlines())) == (2, "", 1), err
    assert message in err


def test_a_mistyped_option_is_clicks_usage_and_exit_code_2(signals: Signals) -> None:
    result = signals("run", "--windoww", KEY)
    assert result.exit_code == 2
    assert "No such option" in result.stderr
    result = signals("backfill", "--from", KEY, "--to", KEY, "--stack", "signals", "--parallel", "2")
    assert result.exit_code == 2
    assert "--parallel goes through a webserver of yours" in result.stderr


@pytest.mark.parametrize("place", ["SIGNALS_NEWS_PATH", "SIGNALS_WATCHLIST"])
def test_ctrl_c_is_one_line_and_exit_code_130(tmp_path: Path, place: str) -> None:
    """The input is a pipe: once it is open, the command is inside a step (headlines) or a resource (watchlist)."""
    pipe = tmp_path / "input.csv"
    os.mkfifo(pipe)
    with process("run", "--window", KEY, cwd=tmp_path, **{place: str(pipe)}) as running, pipe.open("w"):
        running.send_signal(signal.SIGINT)
        out, err = running.communicate()
    assert (running.returncode, out) == (130, "")
    assert err == "signals: interrupted; finished windows are kept, run it again for the rest\n"


LOADED = """
import sys
from click.testing import CliRunner
from signals_pipeline.cli import main
for words in (["--help"], ["run", "--help"]):
    assert CliRunner().invoke(main, words).exit_code == 0
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""


def test_help_loads_neither_dagster_nor_pandas() -> None:
    ran = subprocess.run([sys.executable, "-c", LOADED], check=True, capture_output=True, text=True)
    loaded = set(ran.stdout.split())

    assert "signals_pipeline" in loaded
    assert loaded.isdisjoint({"dagster", "pandas", "numpy", "sqlalchemy", "alembic", "rich", "onnxruntime"})


def test_help_has_every_command_in_one_section_on_one_line() -> None:
    listed = [name for names in SECTIONS.values() for name in names]
    assert sorted(listed) == main.list_commands(click.Context(main))

    text = CliRunner().invoke(main, ["--help"], terminal_width=78).stdout
    lines = {line.split()[0]: line for line in text.splitlines() if line.startswith("  ") and line.split()[0] in listed}
    assert set(lines) == set(listed)
    assert all(line.endswith(".") for line in lines.values())
    assert [line.rstrip(":") for line in text.splitlines() if line.rstrip(":") in SECTIONS] == [*SECTIONS]


@pytest.mark.parametrize("name", HEAVY_COMMANDS)
def test_the_list_of_commands_quotes_the_help_of_heavy_commands(name: str) -> None:
    command = main.get_command(click.Context(main), name)

    assert command is not None
    assert command.get_short_help_str(limit=200) == HEAVY_COMMANDS[name].summary


def test_horizons_of_the_options_are_those_of_the_record() -> None:
    assert options.HORIZONS == HORIZONS
