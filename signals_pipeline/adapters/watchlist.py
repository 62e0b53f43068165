"""The watchlist as a YAML file: a list of companies, read with line numbers so that every mistake can be located.

What a watchlist is to the pipeline is in `core.watchlist`; the presets are files of `signals_pipeline/watchlists`.
"""

import re
from pathlib import Path
from typing import Any, cast

import yaml
from yaml.composer import ComposerError

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.watchlist import Company, Watchlist, name_problem, symbol_problem

MAX_BYTES = 500_000  # some 4,000 companies; a preset of 30 has 5 KB
# An alias is four deep: list, company, list of aliases, alias. A few more, so that usual mistakes are named as such.
_MAX_DEPTH = 8

# The SEC's number of a filer (Central Index Key): at most ten digits, leading zeros optional.
_CIK = re.compile(r"0*([1-9][0-9]{0,9})")

_REQUIRED_KEYS = ("symbol", "company")
_KEYS = ("symbol", "company", "aliases", "ambiguous_aliases", "sector", "cik")

# The tag of a YAML node without a value.
_NULL = "tag:yaml.org,2002:null"

_MAX_SHOWN = 40  # characters of a value in a message

_PRESETS = Path(__file__).resolve().parents[1] / "watchlists"


class _Loader(yaml.SafeLoader):
    """Composes nodes as PyYAML does, up to the depth of a watchlist: it calls itself once per level."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401 - PyYAML's own
        """The next node of the document.

        Raises:
            ComposerError: It is nested deeper than anything in a watchlist.
        """
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            mark = cast("Any", self).peek_event().start_mark
            raise ComposerError(problem="nested deeper than a watchlist is", problem_mark=mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class WatchlistError(SignalsError, ValueError):
    """The watchlist can't be used; the message has file, line number, what is wrong and what to do."""


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
    root = _root(path)
    if not isinstance(root, yaml.SequenceNode):
        raise _error(path, root, "not a list of companies; write one `- symbol: ...` entry per company")
    if not root.value:
        raise _error(path, root, "no company; add at least one `- symbol: ...` entry")
    return root.value


def _root(path: Path) -> yaml.Node:
    """The document's root node. Nodes know their lines; the values that are made of them do not."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise WatchlistError(f"{path}: larger than {MAX_BYTES:,} bytes; give the path of a watchlist file")
        text = content.decode("utf-8")
        # PyYAML's own annotations stop short of what `compose` returns.
        root = cast("yaml.Node | None", yaml.compose(text, Loader=_Loader))  # pyright: ignore[reportUnknownMemberType]
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


def _error(path: Path, node: yaml.Node, problem: str) -> WatchlistError:
    return WatchlistError(f"{path} line {_line(node)}: {problem}")


def _shortened(text: str) -> str:
    """The text in quotes, its end cut where it is long."""
    return repr(text) if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]!r}..."


def _line(node: yaml.Node) -> int:
    """The line on which a node begins, counted from 1."""
    return node.start_mark.line + 1


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
                raise _error(self._path, key, f"unknown key {_shortened(key.value)}; use {', '.join(_KEYS)}")
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
        self._line_by_symbol[symbol] = _line(node)
        return symbol

    def _cik(self, node: yaml.Node) -> str:
        text = self._scalar(node, "cik")
        match = _CIK.fullmatch(text)
        if not match:
            raise _error(
                self._path, node, f"cik {_shortened(text)}; write the SEC's number of the filer, at most ten digits"
            )
        return match[1]

    def _text(self, node: yaml.Node, key: str) -> str:
        text = self._scalar(node, key)
        problem = name_problem(text)
        if problem:
            raise _error(self._path, node, f"{key!r}: {problem}")
        return text

    def _scalar(self, node: yaml.Node, key: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag == _NULL or not node.value.strip():
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
        self._owner_by_name[key] = f"{symbol} (line {_line(node)})"
