"""The watchlist as a YAML file: a list of companies, read with line numbers so that every mistake names its place."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.watchlist import Company, Watchlist

_SYMBOL = re.compile(r"[A-Z0-9]+(?:[.-][A-Z0-9]+)*")
_REQUIRED = ("symbol", "company")
_LISTS = ("aliases", "ambiguous_aliases")
_KEYS = (*_REQUIRED, *_LISTS, "sector", "cik")
_CIK = re.compile(r"0*([1-9][0-9]{0,9})")
_PRESETS = Path(__file__).resolve().parents[1] / "watchlists"
_NULL = "tag:yaml.org,2002:null"


class WatchlistError(SignalsError, ValueError):
    """The watchlist can't be used; the message is one line: file, line number, what is wrong, what to do."""


def presets() -> dict[str, Path]:
    """The watchlists that come with the package, by name."""
    return {path.stem: path for path in sorted(_PRESETS.glob("*.yaml"))}


def watchlist_path(given: Path) -> Path:
    """The file that SIGNALS_WATCHLIST means: a preset's where it is the name of one and no such file is there."""
    return given if given.exists() else presets().get(str(given), given)


def load_watchlist(path: Path) -> Watchlist:
    """The companies of a watchlist file or of the preset of that name, order kept.

    The file is a YAML list of mappings with `symbol`, `company` and optionally `aliases`, `ambiguous_aliases` (lists of
    names), `sector` and `cik`. Values are taken as written: the symbol `ON` is two letters, never a truth value.

    Raises:
        WatchlistError: the file can't be read, or its first mistake.
    """
    file = watchlist_path(path)
    reader = _Reader(file)
    return Watchlist(tuple(reader.company(node) for node in _entries(file)))


def mistakes_in(path: Path) -> list[str]:
    """Every entry's first mistake, each one line with its place and remedy; empty where the file can be used."""
    file = watchlist_path(path)
    reader, found = _Reader(file), []
    try:
        nodes = _entries(file)
    except WatchlistError as error:
        return [str(error)]
    for node in nodes:
        try:
            reader.company(node)
        except WatchlistError as error:
            found.append(str(error))
    return found


def _entries(path: Path) -> list[yaml.Node]:
    root = _root(path)
    if not isinstance(root, yaml.SequenceNode):
        raise _error(path, root, "not a list of companies; write one `- symbol: ...` entry a company")
    if not root.value:
        raise _error(path, root, "no company; add at least one `- symbol: ...` entry")
    return root.value


def _error(path: Path, node: yaml.Node, problem: str) -> WatchlistError:
    return WatchlistError(f"{path} line {node.start_mark.line + 1}: {problem}")


def _root(path: Path) -> yaml.Node:
    """The document's root node, nothing constructed yet: a node still knows its line."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise WatchlistError(f"{path}: can't be read ({error.strerror}); give the path of a watchlist file") from error
    except UnicodeDecodeError as error:
        raise WatchlistError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise WatchlistError(f"{path} line {line}: not YAML ({error.problem}); correct the line") from error
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise WatchlistError(f"{path}: not YAML ({problem}); remove the character") from error
    if root is None:
        raise WatchlistError(f"{path}: empty; add at least one `- symbol: ...` entry")
    return root


class _Reader:
    """Companies one after another, with a memory of the symbols and names already taken."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._symbols: dict[str, int] = {}
        self._names: dict[str, str] = {}

    def company(self, node: yaml.Node) -> Company:
        fields = self._fields(node)
        for key in _REQUIRED:
            if key not in fields:
                raise _error(self._path, node, f"field {key!r} is missing; add `{key}: ...` to this entry")
        symbol = self._symbol(fields["symbol"])
        name = self._text(fields["company"], "company")
        self._claim(name, symbol, fields["company"])
        aliases, ambiguous = (tuple(self._aliases(fields.get(key), key, symbol)) for key in _LISTS)
        sector = self._text(fields["sector"], "sector") if "sector" in fields else ""
        return Company(symbol, name, aliases, ambiguous, sector, self._cik(fields["cik"]) if "cik" in fields else "")

    def _fields(self, node: yaml.Node) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise _error(self._path, node, "not a company entry; write `symbol: ...` and `company: ...` under a dash")
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if key.value not in _KEYS:
                raise _error(self._path, key, f"unknown key {key.value!r}; use {', '.join(_KEYS)}")
            if key.value in fields:
                raise _error(self._path, key, f"key {key.value!r} stands twice in this entry; keep one")
            fields[key.value] = value
        return fields

    def _symbol(self, node: yaml.Node) -> str:
        symbol = self._text(node, "symbol")
        if not _SYMBOL.fullmatch(symbol):
            raise _error(
                self._path,
                node,
                f"symbol {symbol!r}; use capitals and digits, parts joined by a dot or hyphen, as in BRK.B or RDS-B",
            )
        if symbol in self._symbols:
            raise _error(
                self._path, node, f"symbol {symbol!r} is already on line {self._symbols[symbol]}; keep one entry"
            )
        self._symbols[symbol] = node.start_mark.line + 1
        return symbol

    def _cik(self, node: yaml.Node) -> str:
        text = self._text(node, "cik")
        match = _CIK.fullmatch(text)
        if not match:
            raise _error(self._path, node, f"cik {text!r}; write the SEC's number of the filer, at most ten digits")
        return match[1]

    def _text(self, node: yaml.Node, key: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag == _NULL or not node.value.strip():
            raise _error(self._path, node, f"{key!r} has no text; write the text after the colon or dash")
        return " ".join(node.value.split())

    def _aliases(self, node: yaml.Node | None, key: str, symbol: str) -> Iterator[str]:
        if node is None:
            return
        if not isinstance(node, yaml.SequenceNode):
            raise _error(self._path, node, f"{key!r} is not a list; write [name, name], also for a single name")
        for item in node.value:
            alias = self._text(item, key)
            self._claim(alias, symbol, item)
            yield alias

    def _claim(self, name: str, symbol: str, node: yaml.Node) -> None:
        """Take a name for a company. Case does not tell two names apart: headlines come in capitals, too."""
        owner = f"{symbol} (line {node.start_mark.line + 1})"
        taken = self._names.setdefault(name.casefold(), owner)
        if taken is not owner:
            raise _error(self._path, node, f"name {name!r} is already claimed by {taken}; keep it once")
