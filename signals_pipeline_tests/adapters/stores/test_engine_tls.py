"""`sslmode=verify-full`: the right server is used, any other is refused in one line that says what to correct."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from signals_pipeline.adapters.stores.engine import DatabaseError, DatabaseProblem, engine_for
from signals_pipeline_tests.support.databases import postgres_admin
from signals_pipeline_tests.support.tls_front import tls_front

pytestmark = pytest.mark.postgres


@pytest.fixture
def server_socket() -> Path:
    [folder] = [value for value in [postgres_admin().url.query["host"]] if isinstance(value, str)]
    return Path(folder) / ".s.PGSQL.5432"


def url_of(port: int, *, host: str = "localhost", mode: str = "verify-full") -> str:
    return f"postgresql+psycopg2://postgres@{host}:{port}/postgres?sslmode={mode}"


def test_the_server_of_the_url_is_used_and_an_impostor_is_not(
    server_socket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tls_front(server_socket, tmp_path) as front:
        monkeypatch.setenv("PGSSLROOTCERT", str(front.authority))
        engine = engine_for(url_of(front.port))
        with engine.connect() as connection:
            assert connection.scalar(sa.text("SELECT 1")) == 1
        engine.dispose()

        # `require` is content with anybody's certificate, unless a root file makes it look; so this is why not.
        expect(url_of(front.port, host="127.0.0.1"), DatabaseProblem.CERTIFICATE_OF_OTHER_HOST, "127.0.0.1")
        monkeypatch.setenv("PGSSLROOTCERT", str(front.stranger))
        expect(url_of(front.port), DatabaseProblem.UNTRUSTED_CERTIFICATE, "PGSSLROOTCERT")
        monkeypatch.setenv("PGSSLROOTCERT", str(tmp_path / "none.pem"))
        expect(url_of(front.port), DatabaseProblem.UNTRUSTED_CERTIFICATE, "none.pem")


def test_a_server_without_tls_is_refused(server_socket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tls_front(server_socket, tmp_path, tls=False) as front:
        monkeypatch.setenv("PGSSLROOTCERT", str(front.authority))
        expect(url_of(front.port), DatabaseProblem.TLS_UNAVAILABLE, "switch TLS on")


def expect(url: str, problem: DatabaseProblem, words: str) -> None:
    with pytest.raises(DatabaseError) as refused:
        engine_for(url)
    assert refused.value.problem is problem
    assert not refused.value.transient
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
