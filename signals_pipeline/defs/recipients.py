"""Who gets a window's mail: the readers of SIGNALS_READERS, of DIGEST_RECIPIENTS, and by their own choice.

A mistake in one reader's entry keeps that reader's mails alone: it is a line for the operator, and the others' mails
leave. No line holds an address.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from signals_pipeline.adapters.readers import ReadersFile, ReadersFileError, load_readers
from signals_pipeline.adapters.stores.outbox import MailRecipient
from signals_pipeline.adapters.stores.reader_choices import ReaderChoices
from signals_pipeline.adapters.watchlist import load_watchlist
from signals_pipeline.core.digest.delivery import MailKind, message_id
from signals_pipeline.core.digest.editions import stored_edition, with_unfollowed
from signals_pipeline.core.digest.readers import Reader, merged_readers
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.resources import Store


@dataclass(frozen=True, slots=True)
class ReaderSources:
    """Where a deployment's readers come from.

    Attributes:
        everything: Addresses of DIGEST_RECIPIENTS, which get every digest whole.
        file: SIGNALS_READERS: a path, or an s3:// address; empty for none.
        watchlist: The watchlist, whose companies are followed.
    """

    everything: tuple[str, ...] = ()
    file: str = ""
    watchlist: Path | None = None


@dataclass(frozen=True, slots=True)
class Readership:
    """The readers of a deployment at one time.

    Attributes:
        readers: Every reader once.
        problems: What keeps a reader from getting mails, or from what they asked for; one line each.
    """

    readers: tuple[Reader, ...]
    problems: tuple[str, ...] = ()

    def recipients(self, window: Window, domain: str, kind: MailKind = "digest") -> tuple[MailRecipient, ...]:
        """The recipients of a window's mail, those with equal editions next to each other.

        Args:
            window: The window.
            domain: The sender's, for the Message-IDs.
            kind: What the mail reports.
        """
        recipients: list[MailRecipient] = []
        for reader in self.readers:
            if not reader.digests.includes(window):
                continue
            edition = stored_edition(reader.edition) if kind == "digest" else None
            identifier = message_id(kind, window.key, reader.recipient, domain)
            recipients.append(MailRecipient(reader.recipient, identifier, edition))
        # A stable sort: readers of the whole digest first, and of one edition in their own order.
        return tuple(sorted(recipients, key=lambda recipient: recipient.edition or ""))


def read_readers(sources: ReaderSources) -> ReadersFile:
    """The readers file with its problems; one that can't be used at all is a single problem."""
    if not sources.file:
        return ReadersFile()
    followed = load_watchlist(sources.watchlist) if sources.watchlist else None
    try:
        return load_readers(sources.file, followed)
    except ReadersFileError as error:
        return ReadersFile(problems=(f"no reader of the file gets mail: {error}",))


def readership(sources: ReaderSources, store: Store) -> Readership:
    """The readers as of now.

    Raises:
        DatabaseError: the database fails.
        WatchlistError: the watchlist can't be used.
    """
    loaded = read_readers(sources)
    choices, unreadable = ReaderChoices(store.engine).all()
    readers = merged_readers(loaded.readers, sources.everything, choices)
    if sources.watchlist is not None and any(reader.edition.symbols for reader in readers):
        followed = frozenset(load_watchlist(sources.watchlist).symbols)
        readers = tuple(
            replace(reader, edition=with_unfollowed(reader.edition, followed)) if reader.edition.symbols else reader
            for reader in readers
        )
    return Readership(readers, (*loaded.problems, *unreadable))
