"""The operator's watchlist."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fuzz.inputs import Case
from fuzz.invariants import outcome_of, require, require_line
from fuzz.worker import Check
from signals_pipeline.adapters.watchlist import load_watchlist, mistakes_in, presets

TOKENS = (
    b"- ", b"symbol:", b"company:", b"aliases:", b"ambiguous_aliases:", b"sector:", b"cik:", b"[", b"]", b"{", b"}",
    b"&a ", b"*a", b"<<: *a", b"? ", b"!!python/object:os.system ", b"!!binary ", b"!!set ", b"|", b">", b"---\n",
    b"...\n", b"%YAML", b"#", b"\\x00", b'"\\ud800"', b"\t", b"  ", b"A" * 64,
)  # fmt: skip


def examples() -> Sequence[Case]:
    """A preset, and a short list in the other style."""
    preset = next(iter(presets().values())).read_bytes()
    short = (
        b'- {symbol: BRK.B, company: Berkshire Hathaway, aliases: [Berkshire], ambiguous_aliases: ["B\'s"], cik: 01}\n'
    )
    return (Case("watchlist.yaml", preset[:2_000].rpartition(b"\n- ")[0]), Case("watchlist.yaml", short))


@contextmanager
def opened() -> Iterator[Check]:
    """Load the list; its mistakes are found exactly where it can't be loaded."""
    yield lambda file: outcome_of(lambda: _load(file))


def _load(file: Path) -> str:
    mistakes = mistakes_in(file)
    for mistake in mistakes:
        require_line(mistake)
        require(mistake.startswith(str(file)), f"a line that does not name the file: {mistake[:100]!r}")
    companies = load_watchlist(file)
    require(not mistakes, "a list with mistakes was loaded")
    return f"{'one company' if len(companies) == 1 else 'several companies'}"
