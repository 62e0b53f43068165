"""Secrets that a test plants in settings, and the search for them in whatever a deployment leaves behind."""

import base64
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

import psutil
import sqlalchemy as sa

_SQLITE = b"SQLite format 3\0"
# In every secret, so that one is found in parts, too. It may stand where secrets must be, and nowhere else.
MARK = "planted"


@dataclass
class PlantedSecrets:
    """One secret per place, each of its own and with characters that URLs encode.

    Attributes:
        by_place: The secrets so far.
    """

    by_place: dict[str, str] = field(default_factory=dict[str, str])

    def plant(self, place: str) -> str:
        """The secret of a place, the same each time."""
        return self.by_place.setdefault(place, f"{MARK}/{place}+{len(self.by_place):032}=x")

    def quoted(self, place: str) -> str:
        """The same, percent-encoded, for URLs."""
        return quote(self.plant(place), safe="")

    def found_in(self, content: bytes) -> list[str]:
        """The places whose secrets are in there, as they are or encoded; `part` where only the mark of some is."""
        found = [place for place, secret in self.by_place.items() if any(form in content for form in _forms(secret))]
        return found or (["part"] if MARK.encode() in content else [])


def _forms(secret: str) -> list[bytes]:
    text = secret.encode()
    # In base64, a text looks different at each of three positions: its own characters without the neighbours'.
    encoded = [base64.b64encode(b"\0" * shift + text)[4 * (shift > 0) : -4] for shift in range(3)]
    return [text, quote(secret, safe="").encode(), quote_plus(secret).encode(), text.hex().encode(), *encoded]


def contents_below(folder: Path, *, without: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder except one: its bytes, and of a SQLite file each value, decompressed."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path == without:
            continue
        content = path.read_bytes()
        yield str(path), content
        if content.startswith(_SQLITE):
            yield from _sqlite_values(path)


def _sqlite_values(path: Path) -> Iterator[tuple[str, bytes]]:
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - names of its own tables
                yield f"{path} {table}", b"\n".join(_plain(value) for value in row)


def rows_of(url: str) -> Iterator[tuple[str, bytes]]:
    """Every row of a database, as text."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        for table in sa.inspect(connection).get_table_names():
            for (row,) in connection.exec_driver_sql(f'SELECT row_to_json(t)::text FROM "{table}" t'):  # noqa: S608
                yield table, row.encode()


def _plain(value: object) -> bytes:
    if not isinstance(value, bytes):
        return str(value).encode(errors="replace")
    try:
        return zlib.decompress(value)  # as Dagster stores its snapshots
    except zlib.error:
        return value


def process_list() -> bytes:
    """What `ps` shows to every user: the command line of each process."""
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    return "\n".join(lines).encode(errors="replace")
