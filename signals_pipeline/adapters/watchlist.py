"""The watchlist as a YAML file: a list of companies, read with line numbers so that every mistake can be located.

What a watchlist is to the pipeline is in `core.watchlist`; the presets are files of `signals_pipeline/watchlists`.
"""

import re
from pathlib import Path

import yaml

from signals_pipeline.adapters.yaml_nodes import NULL_TAG, DocumentKind, line_of, read_document, shortened
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.watchlist import Company, Watchlist, name_problem, symbol_problem

MAX_BYTES = 500_000  # some 4,000 companies; a preset of 30 has 5 KB
# An alias is four deep: list, company, list of aliases, alias. A few more, so that usual mistakes are named as such.
_MAX_DEPTH = 8

# The SEC's number of a filer (Central Index Key): at most ten digits, leading zeros optional.
_CIK = re.compile(r"0*([1-9][0-9]{0,9})")

_REQUIRED_KEYS = ("symbol", "company")
_KEYS = ("symbol", "company", "aliases", "ambiguous_aliases", "sector", "cik")

_PRESETS = Path(__file__).resolve().parents[1] / "watchlists"


class WatchlistError(SignalsError, ValueError):
    """The watchlist can't be used; the message has file, line number, what is wrong and what to do."""


_KIND = DocumentKind("watchlist", "- symbol: ...", WatchlistError, MAX_BYTES, _MAX_DEPTH)


def presets() -> dict[str, Path]:
    """The watchlists that come with the package, by name."""
    return {path.stem: path for path in sorted(_PRESETS.glob("*.yaml"))}


def watchlist_path(given: Path) -> Path:
    """The file that SIGNALS_WATCHLIST stands for: a file of this path, else the preset of this name."""
    return given if given.exists() else presets().get(str(given), given)


def load_watchlist(path: Path) -> Watchlist:
    """The companies of a watchlist file, or of the preset of that name, in their order.

    The file is a YAML list of mappings with `symbol`, `company` and optionally `aliases`, `ambiguous_aliases` (lists of
    names), `sector` and `cik`. Values are taken as written: the symbol `ON` is two letters, never a truth value.

    Raises:
        WatchlistError: The file can't be read, or has a mistake; the message is about the first one.
    """
    file = watchlist_path(path)
    reader = _Reader(file)
    companies = tuple(reader.company(node) for node in _entries(file))
    return Watchlist(companies)


def mistakes_in(path: Path) -> list[str]:
    """Every entry's first mistake, one line each with its place and what to do; empty where the file can be used."""
    file = watchlist_path(path)
    try:
        nodes = _entries(file)
    except WatchlistError as error:
        return [str(error)]

    reader = _Reader(file)
    mistakes: list[str] = []
    for node in nodes:
        try:
            reader.company(node)
        except WatchlistError as error:
            mistakes.append(str(error))
    return mistakes


def _entries(path: Path) -> list[yaml.Node]:
    """The nodes of the list's entries."""
    root = read_document(path, _KIND)
    if not isinstance(root, yaml.SequenceNode):
        raise _error(path, root, "not a list of companies; write one `- symbol: ...` entry per company")
    if not root.value:
        raise _error(path, root, "no company; add at least one `- symbol: ...` entry")
    return root.value


def _error(path: Path, node: yaml.Node, problem: str) -> SignalsError:
    return _KIND.mistake(str(path), node, problem)


class _Reader:
    """Reads companies one after another and remembers which symbols and names are in use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._line_by_symbol: dict[str, int] = {}
        # Who uses a name, in words, by the name in lower case.
        self._owner_by_name: dict[str, str] = {}

    def company(self, node: yaml.Node) -> Company:
        """The company of one entry.

        Raises:
            WatchlistError: The entry's first mistake.
        """
        fields = self._fields(node)
        for key in _REQUIRED_KEYS:
            if key not in fields:
                raise _error(self._path, node, f"field {key!r} is missing; add `{key}: ...` to this entry")

        symbol = self._symbol(fields["symbol"])
        name = self._text(fields["company"], "company")
        self._claim_name(name, symbol, fields["company"])
        return Company(
            symbol=symbol,
            name=name,
            aliases=self._aliases(fields.get("aliases"), "aliases", symbol),
            ambiguous_aliases=self._aliases(fields.get("ambiguous_aliases"), "ambiguous_aliases", symbol),
            sector=self._text(fields["sector"], "sector") if "sector" in fields else "",
            cik=self._cik(fields["cik"]) if "cik" in fields else "",
        )

    def _fields(self, node: yaml.Node) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise _error(self._path, node, "not a company entry; write `symbol: ...` and `company: ...` under a dash")
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _error(self._path, key, f"a key is a list or mapping; use {', '.join(_KEYS)}")
            if key.value not in _KEYS:
                raise _error(self._path, key, f"unknown key {shortened(key.value)}; use {', '.join(_KEYS)}")
            if key.value in fields:
                raise _error(self._path, key, f"key {key.value!r} appears twice in this entry; keep one")
            fields[key.value] = value
        return fields

    def _symbol(self, node: yaml.Node) -> str:
        symbol = self._scalar(node, "symbol")
        problem = symbol_problem(symbol)
        if problem:
            raise _error(self._path, node, problem)
        if symbol in self._line_by_symbol:
            line = self._line_by_symbol[symbol]
            raise _error(self._path, node, f"symbol {symbol!r} is already on line {line}; keep one entry")
        self._line_by_symbol[symbol] = line_of(node)
        return symbol

    def _cik(self, node: yaml.Node) -> str:
        text = self._scalar(node, "cik")
        match = _CIK.fullmatch(text)
        if not match:
            raise _error(
                self._path, node, f"cik {shortened(text)}; write the SEC's number of the filer, at most ten digits"
            )
        return match[1]

    def _text(self, node: yaml.Node, key: str) -> str:
        text = self._scalar(node, key)
        problem = name_problem(text)
        if problem:
            raise _error(self._path, node, f"{key!r}: {problem}")
        return text

    def _scalar(self, node: yaml.Node, key: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag == NULL_TAG or not node.value.strip():
            raise _error(self._path, node, f"{key!r} has no text; write the text after the colon or dash")
        return " ".join(node.value.split())

    def _aliases(self, node: yaml.Node | None, key: str, symbol: str) -> tuple[str, ...]:
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode):
            raise _error(self._path, node, f"{key!r} is not a list; write [name, name], also for a single name")
        aliases: list[str] = []
        for item in node.value:
            alias = self._text(item, key)
            self._claim_name(alias, symbol, item)
            aliases.append(alias)
        return tuple(aliases)

    def _claim_name(self, name: str, symbol: str, node: yaml.Node) -> None:
        """Reserve a name for a company, in any case: headlines may be in capitals.

        Raises:
            WatchlistError: The name is in use already.
        """
        key = name.casefold()
        if key in self._owner_by_name:
            owner = self._owner_by_name[key]
            raise _error(self._path, node, f"name {name!r} is already claimed by {owner}; keep it once")
        self._owner_by_name[key] = f"{symbol} (line {line_of(node)})"
