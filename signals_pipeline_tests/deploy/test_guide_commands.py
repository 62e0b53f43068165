"""Every command of docs/deployment.md is carried out, in order, in one terminal, against the stand-ins.

A new block is run like the others, so that one with a command that is wrong fails here. `EXEMPT` names what can't be
carried out here, with the reason; see also `aws_command_line.CHECKED_ONLY`.
"""

import functools
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click
import psycopg2
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from signals_pipeline.adapters.aws import services
from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.adapters.aws.release import Release
from signals_pipeline.adapters.aws.revisions import Revision
from signals_pipeline.adapters.aws.services import Patience
from signals_pipeline.adapters.stores import migrations
from signals_pipeline.cli import main, remote
from signals_pipeline.cli.commands import deploy as deploy_commands
from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.aws_command_line import CHECKED_ONLY, REFUSED, USAGE, CommandLine, UsageError
from signals_pipeline_tests.support.guide_shell import GuideShell, Reply, Request
from signals_pipeline_tests.support.postgres import server
from signals_pipeline_tests.support.release_bench import Bench, bench
from signals_pipeline_tests.support.tls_front import tls_front

__all__ = ["bench"]
GUIDE = (repository() / "docs" / "deployment.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
SHELL_BLOCKS = [body for language, body in BLOCKS if language == "bash"]
[SQL] = [body for language, body in BLOCKS if language == "sql"]
INLINE = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", GUIDE, flags=re.MULTILINE | re.DOTALL))

# What the reader puts in.
PLACEHOLDERS = {"ADDRESS": "reader@example.org", "BUCKET": "pages"}
# Commands between backticks that are carried out with the blocks, and those of which the arguments are checked.
RUN = ("aws", "./deploy_ml_signals.sh", "python deploy/cost.py")
CHECKED = ("signals", "make")
# The others, by how they begin, and why they are neither.
EXEMPT = {
    "curl": "needs a port-forward or a public address: what it gets is tested in web/ and in test_public.py",
    "docker": "builds and runs the image for real: deploy/image_test.py, whose report is deploy/IMAGE_REPORT.md",
    "./deploy_ml_signals.sh --stack NEW": "makes a second stack, as the first was made",
    "python -m": "makes a model of FinBERT's size, which takes minutes: tested in model_export/",
}


@dataclass
class Console:
    """An account with a terminal.

    Attributes:
        bench: The account.
        shell: The terminal.
        aws: Its command line.
    """

    bench: Bench
    shell: GuideShell
    aws: CommandLine

    def run(self, script: str) -> str:
        """Run a script, which has to succeed; what it printed. Time passes after it."""
        done = self.shell.run(
            script, **{name: value for name, value in os.environ.items() if name[:4] in ("AWS_", "DOCK")}
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}"
        # A command whose output is exported fails without its shell noticing.
        assert [each for each in self.shell.done if each[1].code] == []
        for _ in range(4):
            self.bench.cloud.pass_time(10)
        # The reader takes minutes: no look is stale any more.
        for task in self.bench.cloud.tasks:
            task.hidden = 0
        return done.stdout


def run_signals(request: Request) -> Reply:
    result = CliRunner().invoke(main, list(request.arguments), catch_exceptions=False)
    return Reply(result.output, result.exit_code)


def run_python(request: Request) -> Reply:
    """The release script's interpreter, or a program in `deploy/`."""
    if request.arguments[:2] == ("-m", "signals_pipeline"):
        return run_signals(Request("signals", request.arguments[2:], "", ""))
    assert request.arguments[0].startswith("deploy/"), request.arguments
    done = subprocess.run(
        [sys.executable, *request.arguments], cwd=repository(), capture_output=True, text=True, check=False
    )
    return Reply(done.stdout, done.returncode, done.stderr)


def run_aws(line: CommandLine, request: Request) -> Reply:
    try:
        return Reply(line.run(*request.arguments))
    except UsageError as error:
        return Reply("", USAGE, f"{error}\n")
    except ClientError as error:
        return Reply("", REFUSED, f"{error}\n")


@pytest.fixture
def console(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    """The bench's account, its clock in place of real waits, and a database behind TLS."""
    cloud = bench.cloud
    monkeypatch.setattr(services, "Patience", lambda **given: Patience(**{**given, "pause": cloud.pass_time}))
    monkeypatch.setattr(deploy_commands, "Release", functools.partial(Release, now=lambda: cloud.now))
    in_stack = functools.partial(remote.backfill_in_stack, pause=cloud.pass_time)
    monkeypatch.setattr(remote, "backfill_in_stack", in_stack)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "docker").symlink_to(bench.release.docker.program)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        postgres = stack.enter_context(server())
        postgres.tell("CREATE ROLE signals SUPERUSER LOGIN")
        migrations.upgrade(postgres.create("signals"))
        front = stack.enter_context(tls_front(Path(str(postgres.url.query["host"])) / ".s.PGSQL.5432", tmp_path))

        def run_psql(request: Request) -> Reply:
            """The block of SQL that follows, over the connection that the command describes."""
            [password] = client("ssm").get_parameters(Names=["/signals/database-password"], WithDecryption=True)[
                "Parameters"
            ]
            assert request.password == password["Value"]
            [description] = request.arguments
            connection = psycopg2.connect(f"{description} port={front.port}", password=request.password)
            with connection.cursor() as cursor:
                cursor.execute(SQL)
                names = [column.name for column in cursor.description or ()]
            connection.close()
            return Reply(" | ".join(names) + "\n")

        line = CommandLine(cloud.pass_time)
        programs = {
            "aws": functools.partial(run_aws, line),
            "psql": run_psql,
            "python": run_python,
            "signals": run_signals,
        }
        yield Console(bench, GuideShell(folder, programs), line)


def make_what_the_account_leaves_out(bench: Bench) -> None:
    """Make the stack's database and parameter, and what runs write to, in the stand-in for the other services."""
    described = bench.stack().resolved()
    outputs = {name: described.resolve(each["Value"]) for name, each in described.body["Outputs"].items()}
    cluster = {"DBClusterIdentifier": "signals-cluster", "Engine": "aurora-postgresql", "MasterUsername": "signals"}
    client("rds").create_db_cluster(**cluster, MasterUserPassword="s" * 40)
    client("rds").create_db_instance(
        DBInstanceIdentifier=outputs["Database"],
        DBClusterIdentifier="signals-cluster",
        Engine="aurora-postgresql",
        DBInstanceClass="db.serverless",
    )
    client("ssm").put_parameter(Name=outputs["GeneratorParameter"], Value="news_driven", Type="String")
    client("logs").create_log_group(logGroupName="/signals/run")
    client("s3").create_bucket(Bucket="pages")


def sections() -> list[tuple[str, str]]:
    """Each block of commands with the heading that it is below."""
    found, heading = [], ""
    for part in re.split(r"(?m)^## ", GUIDE):
        heading = part.partition("\n")[0]
        found += [(heading, body) for body in re.findall(r"^```bash\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)]
    return found


def inline(*beginnings: str) -> list[str]:
    """The commands between backticks that begin so, each once, with what the reader puts in."""
    found: list[str] = []
    for words in INLINE:
        # A program's bare name is a word of the sentence.
        if " " in words and f"{words} ".startswith(tuple(f"{beginning} " for beginning in beginnings)):
            command = re.sub(r"\b[A-Z]{6,}\b", lambda name: PLACEHOLDERS.get(name[0], name[0]), words)
            found += [command] if command not in found else []
    return found


@pytest.mark.postgres
@pytest.mark.filterwarnings("ignore:Tried to parse")
def test_every_command_runs_in_order_in_one_terminal(console: Console) -> None:
    cloud = console.bench.cloud
    printed: dict[str, str] = {}
    second: Revision | None = None
    for heading, block in sections():
        script = block
        if heading == "Rollback":
            # A second release, to have one to go back from, and the number that the reader takes from the list.
            console.run('./deploy_ml_signals.sh --stack "$STACK" --model compact')
            second = console.bench.in_service
            script = block.replace("--rollback 12", f"--rollback {second.number}")
            assert script != block
        printed[heading] = printed.get(heading, "") + console.run(script)
        if heading == "Quick deployment":
            make_what_the_account_leaves_out(console.bench)

    assert len(SHELL_BLOCKS) == len(sections())
    assert "signals-control:1 is in service\n" in printed["Quick deployment"]
    # The port-forwards lead into the one container that Session Manager's agent can write in.
    sessions = [
        parameters for service, name, parameters in console.aws.calls if (service, name) == ("ssm", "start-session")
    ]
    assert [each["DocumentName"] for each in sessions] == [
        "AWS-StartPortForwardingSession",
        "AWS-StartPortForwardingSessionToRemoteHost",
    ]
    for session in sessions:
        cluster, task, runtime = session["Target"].removeprefix("ecs:").split("_")
        [found] = [each for each in cloud.tasks if each.arn.endswith(f"/{cluster}/{task}")]
        names = [each["name"] for each in cloud._definition(found.definition)["containerDefinitions"]]  # noqa: SLF001
        assert runtime == f"{task}-{names.index('forward')}"
    assert sessions[1]["Parameters"]["host"][0].endswith(".rds.amazonaws.com")
    assert "window_start | symbol | signal_type" in printed["Verification"]
    assert "would put " in printed["Rollback"]
    # Back to the first release, and forward again.
    assert second is not None
    assert (console.bench.image, console.bench.in_service.number > second.number) == (second.image, True)
    assert cloud.tasks[-1].command[:2] != ("signals", "backfill")
    assert ("signals", "backfill") in {task.command[:2] for task in cloud.tasks}

    # What stands between backticks; what is left of a stack is deleted last.
    inlined = [command for command in inline(*RUN) if command not in inline(*EXEMPT)]
    for command in sorted(inlined, key=lambda command: "delete-stack" in command):
        console.run(command)
    operations = {call[:2] for call in console.aws.calls}
    assert CHECKED_ONLY.keys() <= operations
    assert ("cloudformation", "delete-stack") in operations


def test_every_other_command_exists_or_is_named_with_its_reason() -> None:
    programs = {beginning.split()[0] for beginning in (*RUN, *CHECKED, *EXEMPT)}
    assert {*inline(*programs)} == {*inline(*RUN), *inline(*CHECKED), *inline(*EXEMPT)}
    for beginning in EXEMPT:
        assert inline(beginning), beginning
    for words in inline("signals"):
        arguments = [each for each in shlex.split(words)[1:] if not each.startswith("[") and each != "NAME]"]
        command: click.Command = main
        while arguments and isinstance(command, click.Group):
            found = command.get_command(click.Context(command), arguments.pop(0))
            assert found is not None, words
            command = found
        # One without arguments is a name in a sentence.
        command.make_context(str(command.name), arguments, resilient_parsing=not arguments)
    targets = re.findall(r"^([a-z-]+):", (repository() / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {words.split()[1] for words in inline("make")} <= set(targets)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("ecs list-task --cluster signals", "no list-task"),
        ("ecs list-tasks --clusters signals", "unknown option --clusters"),
        ("ecs list-tasks signals", "unknown argument 'signals'"),
        ("ecs describe-tasks --cluster signals", "Missing required parameter"),
        ("ecs update-service --cluster signals --service control --desired-count many", "not many"),
        ("ecs list-tasks --cluster signals --query tasks[0]", "finds nothing"),
        ("ssm get-parameter --name p --with-decryption yes", "a flag takes no value"),
        ("ssm start-session --parameters portNumber=1", "Missing required parameter"),
        ("nothing get", "no service nothing"),
        ("logs tail /signals/run --since yesterday", "a number and s, m, h, d or w"),
        ("s3 rm s3://pages", "--recursive"),
    ],
)
@pytest.mark.usefixtures("bench")
def test_a_command_that_the_command_line_would_refuse_is_found(command: str, said: str) -> None:
    """The stand-in has no more patience with the guide than AWS's own program."""
    with pytest.raises(UsageError) as refused:
        CommandLine(print).run(*shlex.split(command))
    assert said in str(refused.value)
