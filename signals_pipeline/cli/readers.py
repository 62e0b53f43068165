"""`signals readers`: the list of readers who get no mail, changed by hand."""

from signals_pipeline.adapters.clock import utc_now
from signals_pipeline.adapters.stores.suppressions import SuppressionList
from signals_pipeline.cli.console import console, table
from signals_pipeline.cli.database import database_engine
from signals_pipeline.core.digest.addresses import check_address
from signals_pipeline.settings import Settings

WIDTH = 100


def show_suppressed(settings: Settings) -> None:
    """Print who gets no mail."""
    with database_engine(settings) as engine:
        suppressed = SuppressionList(engine).all()

    output = console(WIDTH)
    if not suppressed:
        output.print("nobody is unsubscribed")
        return
    rows = table("Readers who get no mail", left=["address", "why", "since"], right=[])
    for entry in suppressed:
        rows.add_row(entry.recipient, entry.reason, f"{entry.created_at:%Y-%m-%d %H:%M} UTC")
    output.print(rows)


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
    if address.casefold() not in {recipient.casefold() for recipient in settings.recipients}:
        line += ", once DIGEST_RECIPIENTS names it"
    if reason in {"bounced", "complaint"}:
        # SES keeps a list of its own, for the whole account.
        line += (
            "; its mail had bounced or was reported as spam: with SES also run"
            f" `aws sesv2 delete-suppressed-destination --email-address {address}`"
        )
    return line
