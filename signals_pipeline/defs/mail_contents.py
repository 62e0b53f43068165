"""The digests' mails of one pass over the outbox, each edition of a digest rendered once."""

from collections import OrderedDict
from datetime import datetime
from typing import TYPE_CHECKING

from signals_pipeline.adapters.mail.envelope import Envelope, Links
from signals_pipeline.core.digest.delivery import Mail
from signals_pipeline.core.digest.editions import edit, edition_note, parse_edition
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.defs.resources import Store

if TYPE_CHECKING:
    # For annotations alone: it loads the template engine, which most processes never need.
    from signals_pipeline.adapters.mail.message import EditionMail

# Mails with equal editions follow each other in the outbox, and retries of several windows may alternate.
_KEPT_EDITIONS = 8


class MailContents:
    """Makes the mails of digests. Renderings are kept for one pass only: a digest may be composed again later.

    That is safe during a pass, which can't claim a mail whose digest was composed again since it began.
    """

    def __init__(self, store: Store, links: Links) -> None:
        self._store = store
        self._links = links
        self._rendered: OrderedDict[tuple[datetime, str | None], EditionMail] = OrderedDict()

    def digest_mail(self, mail: Mail, envelope: Envelope) -> bytes | None:
        """The message of a digest's mail; None where its window has no digest.

        Raises:
            DigestError: the stored digest can't be read.
            EditionError: the mail's edition can't be read.
            DatabaseError: the database fails.
        """
        key = (mail.window_start, mail.edition)
        rendered = self._rendered.get(key)
        if rendered is None:
            rendered = self._render(mail)
            if rendered is None:
                return None
            self._rendered[key] = rendered
            if len(self._rendered) > _KEPT_EDITIONS:
                self._rendered.popitem(last=False)
        return rendered.content(envelope)

    def edited_digest(self, mail: Mail) -> tuple[Digest, str] | None:
        """The digest as the mail's edition shows it, and what that leaves out in words; None without a digest.

        Raises:
            DigestError, EditionError, DatabaseError: as `digest_mail`.
        """
        stored = self._store.digests.get(mail.window_start)
        if stored is None:
            return None
        digest, edition = Digest.from_json(stored.content), parse_edition(mail.edition)
        return edit(digest, edition), edition_note(digest, edition)

    def _render(self, mail: Mail) -> "EditionMail | None":
        from signals_pipeline.adapters.mail.message import EditionMail  # noqa: PLC0415 - see above

        stored = self._store.digests.get(mail.window_start)
        if stored is None:
            return None
        return EditionMail(Digest.from_json(stored.content), parse_edition(mail.edition), self._links)
