"""`signals readers`: who gets digests and who does not; checked, invited and changed by hand."""

from signals_pipeline.adapters.clock import utc_now
from signals_pipeline.adapters.mail.envelope import Envelope, Links
from signals_pipeline.adapters.mail.message import confirmation_message
from signals_pipeline.adapters.stores.outbox import OutboxError
from signals_pipeline.adapters.stores.suppressions import SuppressionList
from signals_pipeline.cli.console import console, table
from signals_pipeline.cli.database import database_engine
from signals_pipeline.core.digest.addresses import check_address
from signals_pipeline.core.digest.delivery import NotSent, Unanswered
from signals_pipeline.core.digest.editions import edition_summary, stored_edition
from signals_pipeline.core.digest.links import reader_feed_url, subscribe_url
from signals_pipeline.core.digest.readers import reader_key
from signals_pipeline.defs.dispatch import mailing_of
from signals_pipeline.defs.recipients import read_readers, readership
from signals_pipeline.defs.resources import open_store
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import SettingsError

WIDTH = 140


def show_readers(settings: Settings) -> None:
    """Print who gets which digests and what of each, what is wrong, and who gets no mail."""
    mailing = mailing_of(settings)
    readers = readership(mailing.readers, open_store(settings.database_url))
    with database_engine(settings) as engine:
        suppressed = {entry.recipient: entry for entry in SuppressionList(engine).all()}

    output = console(WIDTH)
    if readers.readers:
        rows = table("Readers", left=["reader", "name", "digests", "shows", "times", "from"], right=[])
        for reader in readers.readers:
            stopped = suppressed.get(reader_key(reader.recipient))
            digests = f"none ({stopped.reason})" if stopped else reader.digests.text
            times = f"{reader.edition.times.zone} {reader.edition.times.clock}"
            shows = edition_summary(reader.edition)
            rows.add_row(reader.recipient, reader.name, digests, shows, times, reader.origin)
        output.print(rows)
    else:
        output.print("there are no readers: set DIGEST_RECIPIENTS or SIGNALS_READERS")
    for problem in readers.problems:
        output.print(problem, soft_wrap=True)

    if not suppressed:
        output.print("nobody is unsubscribed")
        return
    rows = table("Readers who get no mail", left=["address", "why", "since"], right=[])
    for entry in suppressed.values():
        rows.add_row(entry.recipient, entry.reason, f"{entry.created_at:%Y-%m-%d %H:%M} UTC")
    output.print(rows)


def check_readers(settings: Settings) -> str:
    """Read the readers file, and return a line that counts its readers.

    Raises:
        SettingsError: There is no such file, or an entry has a mistake; one line per mistake.
    """
    if not settings.signals_readers:
        raise SettingsError("SIGNALS_READERS is empty: set it to the path of a readers file")
    loaded = read_readers(mailing_of(settings).readers)
    if loaded.problems:
        raise SettingsError("\n".join(loaded.problems))
    return f"{settings.signals_readers}: {len(loaded.readers)} readers, {len(loaded.channels)} channels, no mistakes"


def invite_reader(settings: Settings, address: str) -> str:
    """Mail an address a link by which its reader subscribes, and return a line that says so.

    Nothing is stored: until the link is used, the address gets nothing else.

    Raises:
        AddressError: It is no address.
        SettingsError: There are no pages that the link could lead to.
        OutboxError: Its reader gets no mail, or the mail was not sent.
        DatabaseError: The database fails.
    """
    check_address(address)
    mailing = mailing_of(settings)
    base_url, key = _page_links(mailing.links, "a confirmation link")
    with database_engine(settings) as engine:
        if SuppressionList(engine).among([address]):
            raise OutboxError(
                f"{address}: gets no mail; `signals readers resubscribe {address}` first, if its reader asks"
            )

    now = mailing.now()
    # Microseconds make the Message-ID unique: a second invitation is another mail.
    envelope = Envelope(mailing.sender, address, f"<confirm.{now:%Y%m%d%H%M%S%f}@{mailing.domain}>", now)
    link = subscribe_url(base_url, address, as_of=now, key=key)
    try:
        with mailing.transport.offer(mailing.address, address) as conversation:
            conversation.hand_over(confirmation_message(link, envelope))
    except (NotSent, Unanswered) as problem:
        raise OutboxError(f"the invitation was not sent: {problem}") from problem
    return f"{address}: invited; the link works for 14 days, and nothing else is sent before it is used"


def feed_address(settings: Settings, recipient: str) -> str:
    """The address of an Atom feed of what a reader gets; it shows the same when the reader's selection changes.

    Raises:
        SettingsError: There are no pages that could serve it.
        OutboxError: There is no such reader.
        DatabaseError: The database fails.
    """
    mailing = mailing_of(settings)
    base_url, key = _page_links(mailing.links, "a reader's feed")
    readers = readership(mailing.readers, open_store(settings.database_url)).readers
    by_key = {reader_key(reader.recipient): reader for reader in readers}
    reader = by_key.get(reader_key(recipient))
    if reader is None:
        raise OutboxError(f"{recipient}: no such reader; `signals readers list` lists them")
    return reader_feed_url(base_url, stored_edition(reader.edition), as_of=mailing.now(), key=key)


def unsubscribe_reader(settings: Settings, address: str) -> str:
    """Send an address no more mail, and return a line that says so.

    Raises:
        AddressError: It is no address.
        DatabaseError: The database fails.
    """
    check_address(address)
    with database_engine(settings) as engine:
        is_new = SuppressionList(engine).add(address, "unsubscribed", utc_now())
    return f"{address}: {'unsubscribed' if is_new else 'was unsubscribed before'}"


def resubscribe_reader(settings: Settings, address: str) -> str:
    """Send an address mail again, and return a line that says so.

    Raises:
        AddressError: It is no address.
        DatabaseError: The database fails.
    """
    check_address(address)
    with database_engine(settings) as engine:
        reason = SuppressionList(engine).remove(address)
    if reason is None:
        return f"{address}: was not unsubscribed"
    line = f"{address}: gets mail again from the next digest on"
    readers = readership(mailing_of(settings).readers, open_store(settings.database_url)).readers
    if reader_key(address) not in {reader_key(reader.recipient) for reader in readers}:
        line += ", once DIGEST_RECIPIENTS or SIGNALS_READERS names it"
    if reason in {"bounced", "complaint"}:
        # SES keeps a list of its own, for the whole account.
        line += (
            "; its mail had bounced or was reported as spam: with SES also run"
            f" `aws sesv2 delete-suppressed-destination --email-address {address}`"
        )
    return line


def _page_links(links: Links, purpose: str) -> tuple[str, str]:
    """Base URL and key of links that only `signals web` serves.

    Raises:
        SettingsError: There are no such pages.
    """
    if not links.key or not links.base_url or not links.has_preferences:
        raise SettingsError(
            f"{purpose} needs the pages of `signals web`: set SIGNALS_BASE_URL and SIGNALS_LINK_KEY, and leave"
            " SIGNALS_PUBLISH_URL empty"
        )
    return links.base_url, links.key
