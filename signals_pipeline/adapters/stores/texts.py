"""The column type of texts: what is stored is the same in SQLite as in PostgreSQL.

SQLite stores any text of any length; PostgreSQL refuses texts that are longer than their column, NUL and lone
surrogates. Here both refuse the first in the same line, and both store a text without the others.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DontWrapMixin

from signals_pipeline.core.errors import SignalsError

_MAX_SHOWN = 40  # characters of a value in a message


class TextTooLongError(SignalsError, ValueError, DontWrapMixin):
    """A text was about to be stored that is longer than its column; nothing of its transaction is stored."""


class StoredText(sa.types.TypeDecorator[str]):
    """Text of at most `length` characters, of any length where none is given.

    Attributes:
        name: Name of the column, for messages.
        length: Maximum number of characters; None where there is no limit.
    """

    impl = sa.String
    cache_ok = True

    def __init__(self, name: str, length: int | None = None) -> None:
        super().__init__(length)
        self.name = name
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """`VARCHAR(length)`, or `TEXT` where there is no limit."""
        text_type = sa.String(self.length) if self.length else sa.Text()
        return dialect.type_descriptor(text_type)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the same on both
        """The stored form: without NUL, lone surrogates as question marks.

        Raises:
            TextTooLongError: the text has more than `length` characters.
        """
        if value is None:
            return None
        text = value.replace("\0", "")
        if not text.isascii():
            text = text.encode("utf-8", "replace").decode()
        if self.length is not None and len(text) > self.length:
            raise TextTooLongError(
                f"{self.name} {text[:_MAX_SHOWN]!r}... has {len(text):,} characters, the database holds {self.length}:"
                " shorten it"
            )
        return text
