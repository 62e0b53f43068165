"""`signals mcp` as an agent uses it: the SDK's own client over standard input and output of a real process."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, TextContent
from starlette.testclient import TestClient

from signals_pipeline.adapters.stores.engine import engine_for, write_transaction
from signals_pipeline.adapters.stores.tables import signal_history
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.databases import migrated_template
from signals_pipeline_tests.support.digest_pages import everything
from signals_pipeline_tests.support.sleeping_server import NEVER, sleeping
from signals_pipeline_tests.support.web_site import KEY, TOLD, fill, site, tell

TOOLS = {
    "newest_digest", "digest", "list_digests", "explain_signal", "company_history", "near_misses", "track_record",
}  # fmt: skip
NAME = f"{TOLD.key}-AAA-BUY"
PASSWORD = "a-planted-password"  # noqa: S105


def asked(url: str, folder: Path, ask: Callable[[Client], Coroutine[Any, Any, None]]) -> str:
    """Let a client ask the server over this database; returns what the server has logged."""
    ours = {name.upper() for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {"SIGNALS_DATABASE_URL": url, "SIGNALS_LINK_KEY": KEY, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = ["-c", 'exec "$0" -m signals_pipeline mcp 2>log', sys.executable]
    server = StdioServerParameters(command="/bin/sh", args=command, env=environment, cwd=folder)

    async def run() -> None:
        async with Client(server, read_timeout_seconds=60) as client:
            await ask(client)

    asyncio.run(run())
    return (folder / "log").read_text(encoding="utf-8")


def text(result: CallToolResult) -> str:
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text


async def answer(client: Client, tool: str, **arguments: object) -> Any:
    """The structured answer of a tool, which its text repeats."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, text(result)
    assert json.loads(text(result)) == result.structured_content
    return result.structured_content


async def refusal(client: Client, tool: str, **arguments: object) -> str:
    """The one line of a failure."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert "\n" not in text(result)
    return text(result).removeprefix(f"Error executing tool {tool}: ")


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database with seven digests, two signals and outcomes."""
    url = f"sqlite:///{shutil.copy(migrated_template('sqlite'), tmp_path / 'signals.db')}"
    fill(url)
    return url


def same(client: TestClient, path: str, **query: int | str) -> Any:
    """What the API answers."""
    response = client.get(f"/api/v1/{path}", params=query)
    assert response.status_code == 200
    return response.json()


def test_an_agent_gets_the_answers_of_the_api_and_failures_in_one_line(url: str, tmp_path: Path) -> None:
    with site(url) as api:

        async def ask(client: Client) -> None:
            tools = (await client.list_tools()).tools
            assert {tool.name for tool in tools} == TOOLS
            assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
            assert all(tool.description and tool.output_schema for tool in tools)

            digest = same(api, "digest")
            assert await answer(client, "newest_digest") == await answer(client, "digest", window=TOLD.key) == digest
            assert await answer(client, "list_digests", limit=3) == same(api, "digests", limit=3)
            assert await answer(client, "track_record") == same(api, "record")
            history = await answer(client, "company_history", symbol="aaa", first_day="2024-01-11")
            assert history == same(api, "signals", symbol="AAA")
            assert await answer(client, "company_history", symbol="AAA", last_day="2024-01-10") == {
                "items": [],
                "next": None,
            }
            why = await answer(client, "explain_signal", signal=NAME.replace("AAA", "aaa"))
            assert why["signal"] == same(api, f"signals/{NAME}")
            assert why["sentences"] == digest["items"][0]["sentences"]
            assert (why["gates"], why["knobs"]) == (digest["funnel"], digest["knobs"])
            missed = await answer(client, "near_misses")
            assert missed == {"window": TOLD.key, "items": digest["near_misses"], "gates": digest["funnel"]}

            assert (await refusal(client, "digest", window="x")).startswith("No window has the key 'x'")
            assert await refusal(client, "explain_signal", signal=NAME.replace("AAA", "ZZZ")) == (
                f"The history has no signal {NAME.replace('AAA', 'ZZZ')}."
            )
            assert (await refusal(client, "explain_signal", signal="XOM")).startswith("No signal has this name")
            assert (await refusal(client, "company_history", symbol="A B")).startswith("symbol: give a ticker")
            assert await refusal(client, "company_history", symbol="AAA", first_day="monday") == (
                "from: give a day, such as 2015-02-02"
            )
            for limit in (0, 51):
                assert await refusal(client, "list_digests", limit=limit) == "limit: give a number from 1 to 50"

        assert KEY not in asked(url, tmp_path, ask)


def test_an_answer_that_is_too_long_is_refused_and_a_bug_reveals_nothing(url: str, tmp_path: Path) -> None:
    tell(url, everything())
    engine = engine_for(url)
    parts = [{"kind": "technical", "name": "x" * 1_000, "value": 1, "component": 1, "weight": 1, "contribution": 1}]
    with write_transaction(engine) as connection:
        connection.execute(signal_history.update().values(contributions=json.dumps(parts * 300)))

    async def ask(client: Client) -> None:
        refused = await refusal(client, "company_history", symbol="AAA")
        assert "more than 200,000; ask for less, with a smaller limit" in refused
        near = await answer(client, "near_misses")
        assert [each["symbol"] for each in near["items"]] == [each.symbol for each in everything().near_misses]
        with write_transaction(engine) as connection:
            connection.execute(signal_history.update().values(contributions="{"))
        result = await client.call_tool("company_history", {"symbol": "AAA"})
        assert (result.is_error, text(result)) == (True, "Error executing tool company_history")

    log = asked(url, tmp_path, ask)
    engine.dispose()
    assert "JSONDecodeError" in log


def test_a_missing_database_is_reported_by_the_tool_and_read_once_it_is_there(url: str, tmp_path: Path) -> None:
    later = tmp_path / "later.db"

    async def ask(client: Client) -> None:
        missing = await refusal(client, "newest_digest")
        assert missing == f"database {later}: it does not exist; run `signals migrate` to create it"
        shutil.copy(url.removeprefix("sqlite:///"), later)
        assert (await answer(client, "newest_digest"))["window"] == TOLD.key

    asked(f"sqlite:///{later}", tmp_path, ask)


def test_a_database_that_sleeps_is_reported_in_one_line_without_its_password(tmp_path: Path) -> None:
    with sleeping(f"postgresql+psycopg2://reader:{PASSWORD}@/signals?host={tmp_path}", NEVER) as door:

        async def ask(client: Client) -> None:
            for _ in range(2):
                said = await refusal(client, "newest_digest")
                assert said == "the database is not responding; try again in a minute"

        log = asked(door.url, tmp_path, ask)
    assert door.connections > 0
    assert PASSWORD not in log
    assert "127.0.0.1" in log


def test_without_the_extra_the_command_says_what_to_install() -> None:
    # As if it was not installed: importing it fails.
    code = "import sys; sys.modules['mcp'] = None; from signals_pipeline.cli import main; main(['mcp'])"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    said = "signals: mcp is not installed; pip install 'signals_pipeline[mcp]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)
