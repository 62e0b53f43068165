"""Files of settings in YAML, read as nodes with line numbers so that every mistake can be located.

What the nodes mean is decided by their readers: `watchlist` and `readers`. Values are taken as written: the symbol `ON`
is two letters, never a truth value.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from yaml.composer import ComposerError

from signals_pipeline.core.errors import SignalsError

# The tag of a YAML node without a value.
NULL_TAG = "tag:yaml.org,2002:null"

_MAX_SHOWN = 40  # characters of a value in a message


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """What a kind of file is called and how large it may be.

    Attributes:
        noun: What it is, such as `watchlist`.
        first_entry: What to write into an empty one.
        error: Class of its errors; its message has file, line number, what is wrong and what to do.
        max_bytes: Its maximum size in bytes.
        max_depth: Its maximum nesting: a few levels more than a right file has, so that usual mistakes are named.
    """

    noun: str
    first_entry: str
    error: type[SignalsError]
    max_bytes: int
    max_depth: int

    def mistake(self, place: str, node: yaml.Node, problem: str) -> SignalsError:
        """An error about a node of the file at this place."""
        return self.error(f"{place} line {line_of(node)}: {problem}")


def read_document(path: Path, kind: DocumentKind) -> yaml.Node:
    """The root node of a file.

    Raises:
        SignalsError: of the kind's class: the file can't be read, is too large, not YAML, or empty.
    """
    try:
        with path.open("rb") as file:
            content = file.read(kind.max_bytes + 1)
    except OSError as error:
        raise kind.error(f"{path}: can't be read ({error.strerror}); give the path of a {kind.noun} file") from error
    return parse_document(content, str(path), kind)


def parse_document(content: bytes, place: str, kind: DocumentKind) -> yaml.Node:
    """The root node of a document; `place` is its path or address in messages. Raises as `read_document` does."""
    if len(content) > kind.max_bytes:
        raise kind.error(f"{place}: larger than {kind.max_bytes:,} bytes; give the path of a {kind.noun} file")
    try:
        text = content.decode("utf-8")
        # Nodes know their lines; the values that are made of them do not.
        loader = _Loader(text, kind)
        root = loader.get_single_node()
    except UnicodeDecodeError as error:
        raise kind.error(f"{place}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise kind.error(f"{place} line {line}: not YAML ({error.problem}); correct the line") from error
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise kind.error(f"{place}: not YAML ({problem}); remove the character") from error
    if root is None:
        raise kind.error(f"{place}: empty; add at least one `{kind.first_entry}` entry")
    return root


def shortened(text: str) -> str:
    """The text in quotes, its end cut where it is long."""
    return repr(text) if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]!r}..."


def line_of(node: yaml.Node) -> int:
    """The line on which a node begins, counted from 1."""
    return node.start_mark.line + 1


class _Loader(yaml.SafeLoader):
    """Composes nodes as PyYAML does, up to a depth: it calls itself once per level."""

    def __init__(self, text: str, kind: DocumentKind) -> None:
        super().__init__(text)
        self._kind = kind
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401 - PyYAML's own
        """The next node of the document.

        Raises:
            ComposerError: It is nested deeper than anything in a right file.
        """
        self._depth += 1
        if self._depth > self._kind.max_depth:
            mark = cast("Any", self).peek_event().start_mark
            raise ComposerError(problem=f"nested deeper than a {self._kind.noun} is", problem_mark=mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node
