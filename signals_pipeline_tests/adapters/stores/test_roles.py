"""Roles on a real PostgreSQL: a writer can't change the schema, a reader can't write, both use what the owner adds."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from signals_pipeline.adapters.stores.engine import DatabaseError, DatabaseProblem, engine_for, write_transaction
from signals_pipeline.adapters.stores.migrations import known_revisions, require_head, upgrade
from signals_pipeline.adapters.stores.roles import (
    READER_RIGHTS,
    WRITER_RIGHTS,
    Role,
    grant_roles,
    missing_rights,
    pipeline_roles,
)
from signals_pipeline.adapters.stores.suppressions import SuppressionList
from signals_pipeline_tests.support.databases import create_postgres, new_database, postgres_admin
from signals_pipeline_tests.support.postgres import Server, server

pytestmark = pytest.mark.postgres

WRITERS, READERS, NONE = "a writer's", "a reader's", ""
CALL = "INSERT INTO source_call VALUES ('newsapi', now(), 1) ON CONFLICT (vendor, day) DO UPDATE SET calls = 2"
RUN = "INSERT INTO dagster.runs (body) VALUES ('x')"
CHANGES = [
    "DROP TABLE delivery",
    "ALTER TABLE delivery ADD COLUMN more integer",
    "TRUNCATE source_call",
    "CREATE TABLE mine (a integer)",
    "CREATE TABLE dagster.mine (a integer)",
    "CREATE SCHEMA mine",
]
COUNT = "SELECT nextval('signal_history_id_seq')"
WRITES = [CALL, RUN, COUNT, "UPDATE window_run SET mode = 'live'", "DELETE FROM delivery"]


@pytest.fixture
def url() -> str:
    """A database at head with a table of Dagster's, whose owner has made the roles."""
    made = new_database("postgresql", Path())
    execute(made, "CREATE SCHEMA dagster", "CREATE TABLE dagster.runs (id serial PRIMARY KEY, body text)")
    return made


@pytest.fixture
def roles() -> tuple[Role, Role]:
    """Names of their own: roles belong to the whole server."""
    prefix = f"r{uuid4().hex[:12]}"
    return pipeline_roles(prefix, writer_password=WRITERS, reader_password=READERS)


def as_role(url: str, role: Role) -> str:
    return sa.make_url(url).set(username=role.name, password=role.password).render_as_string(hide_password=False)


def execute(url: str, *statements: str) -> None:
    engine = engine_for(url)
    with write_transaction(engine) as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


@contextmanager
def opened(url: str) -> Iterator[sa.Engine]:
    engine = engine_for(url)
    yield engine
    engine.dispose()


def grant(url: str, roles: tuple[Role, Role]) -> None:
    with opened(url) as engine:
        grant_roles(engine, roles)


def lacking(url: str, role: Role) -> dict[str, tuple[str, ...]]:
    with opened(as_role(url, role)) as engine:
        return dict(missing_rights(engine, role.rights))


def test_the_writer_writes_every_table_and_changes_none_and_the_reader_reads(
    url: str, roles: tuple[Role, Role]
) -> None:
    writer, reader = roles
    grant(url, roles)
    grant(url, roles)  # nothing is new the second time
    execute(as_role(url, writer), *WRITES)
    for statement in CHANGES:
        refused(as_role(url, writer), statement)
    for statement in (*WRITES, *CHANGES):
        refused(as_role(url, reader), statement)
    execute(as_role(url, reader), "SELECT * FROM source_call", "SELECT * FROM dagster.runs")
    with opened(as_role(url, reader)) as engine:
        require_head(engine)
    with opened(as_role(url, writer)) as engine:
        assert SuppressionList(engine).add("ann@example.org", "unsubscribed", datetime.now(UTC))
    assert (lacking(url, writer), lacking(url, reader)) == ({}, {})


def refused(url: str, statement: str) -> None:
    with pytest.raises(DatabaseError) as error:
        execute(url, statement)
    assert error.value.problem is DatabaseProblem.INSUFFICIENT_PRIVILEGE, statement
    assert "run `signals prepare` as the owner" in str(error.value)
    assert "\n" not in str(error.value)


def test_what_the_owner_adds_later_is_the_roles_to_use(roles: tuple[Role, Role]) -> None:
    made = create_postgres(f"later_{uuid4().hex}")
    revisions = known_revisions()
    upgrade(made, revisions[3])
    execute(made, "CREATE SCHEMA dagster")
    grant(made, roles)
    upgrade(made)
    execute(made, "CREATE TABLE dagster.runs (id serial PRIMARY KEY, body text)")
    execute(as_role(made, roles[0]), *WRITES)
    for role in roles:
        assert lacking(made, role) == {}


def test_missing_rights_are_named_by_table(url: str, roles: tuple[Role, Role]) -> None:
    writer, reader = roles
    grant(url, roles)
    execute(
        url,
        f"REVOKE INSERT, DELETE ON delivery FROM {writer.name}",
        f"REVOKE USAGE ON SEQUENCE dagster.runs_id_seq, signal_history_id_seq FROM {writer.name}",
        f"REVOKE USAGE ON SCHEMA dagster FROM {reader.name}",
    )
    assert lacking(url, writer) == {
        "dagster.runs_id_seq": ("USAGE",),
        "public.delivery": ("DELETE", "INSERT"),
        "public.signal_history_id_seq": ("USAGE",),
    }
    assert lacking(url, reader) == {"dagster.runs": ("SELECT",)}
    with opened(as_role(url, reader)) as engine:
        assert set(missing_rights(engine, WRITER_RIGHTS)["public.delivery"]) == set(WRITER_RIGHTS) - set(READER_RIGHTS)


def test_tables_of_another_application_in_the_schema_are_left_alone(url: str, roles: tuple[Role, Role]) -> None:
    execute(url, "CREATE TABLE theirs (a integer)")
    grant(url, roles)
    refused(as_role(url, roles[0]), "SELECT * FROM theirs")


def test_the_owner_needs_no_roles_and_lacks_nothing(url: str) -> None:
    with opened(url) as engine:
        assert missing_rights(engine) == {}


def test_whoever_may_make_no_roles_or_is_not_the_owner_is_told_in_one_line(url: str, roles: tuple[Role, Role]) -> None:
    name, own = f"o{uuid4().hex[:12]}", f"own_{uuid4().hex}"
    create_postgres(own)
    with postgres_admin().connect() as connection:
        connection.execute(sa.text(f"CREATE ROLE {name} LOGIN"))
        connection.execute(sa.text(f"ALTER DATABASE {own} OWNER TO {name}"))
    other = sa.make_url(url).set(username=name)
    owner = other.set(database=own).render_as_string(hide_password=False)
    upgrade(owner)
    for database, reason in (
        (owner, "permission denied to create role"),
        (other.render_as_string(hide_password=False), f"{name} does not own its tables: run `signals prepare` as"),
    ):
        with opened(database) as engine, pytest.raises(DatabaseError, match=reason) as error:
            grant_roles(engine, roles)
        assert "\n" not in str(error.value)


def test_without_a_password_or_on_sqlite_is_one_line(tmp_path: Path, roles: tuple[Role, Role]) -> None:
    with pytest.raises(DatabaseError, match=r"^SIGNALS_DATABASE_ROLES=desk needs SIGNALS_READER_PASSWORD"):
        pipeline_roles("desk", writer_password=WRITERS, reader_password=NONE)
    with opened(f"sqlite:///{tmp_path / 'a.db'}") as engine:
        assert missing_rights(engine) == {}
        with pytest.raises(DatabaseError, match="has no roles: leave SIGNALS_DATABASE_ROLES empty"):
            grant_roles(engine, roles)


def test_a_password_is_the_only_way_in_and_preparing_again_changes_it() -> None:
    """A server that asks for passwords, unlike the others of these tests."""
    with server() as postgres:
        made = postgres.create("signals")
        upgrade(made)
        execute(made, "CREATE SCHEMA dagster")
        require_passwords(postgres, "desk_writer", "desk_reader")
        for password in ("first % 'quoted'", "second \\ $1"):
            roles = pipeline_roles("desk", writer_password=password, reader_password=READERS)
            grant(made, roles)
            execute(as_role(made, roles[0]), CALL)
        wrong = Role("desk_writer", "first % 'quoted'", WRITER_RIGHTS)
        with pytest.raises(DatabaseError, match="password authentication failed") as error:
            execute(as_role(made, wrong), CALL)
        assert error.value.problem is DatabaseProblem.AUTHENTICATION_FAILED


def require_passwords(postgres: Server, *names: str) -> None:
    with opened(postgres.create("signals")) as engine, engine.connect() as connection:
        rules = Path(connection.exec_driver_sql("SHOW hba_file").scalar_one())
    asked = "".join(f"local all {name} scram-sha-256\n" for name in names)
    rules.write_text(asked + rules.read_text())
    postgres.tell("SELECT pg_reload_conf()")
