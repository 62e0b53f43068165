"""Asset `delivery`: the digest's mails on their way, each recipient's once."""

import dagster as dg

from signals_pipeline.adapters.stores.tables import delivery as delivery_table
from signals_pipeline.defs.dispatch import Mailing, send_due
from signals_pipeline.defs.metadata import markdown_table, sql_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, mailable, windows_of
from signals_pipeline.defs.resources import Store
from signals_pipeline.defs.stage_limits import bounded, limits


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="digest",
    kinds={"email", "sql"},
    owners=["team:signals"],
    op_tags=limits(600, retries=4),  # rests of up to 30, 60, 120 and 240 s: a database is replaced within two minutes
    deps=["digest"],
    metadata=sql_schema(delivery_table),
)
@bounded
def delivery(
    context: dg.AssetExecutionContext,
    mailing: dg.ResourceParam[Mailing],
    store: dg.ResourceParam[Store],
) -> dg.MaterializeResult:
    """Mails that wait in the outbox and are due, handed over; a backfill sends none, and no mail goes twice.

    What a server does not take now waits and is tried again; what it refuses for good, and what may have arrived or
    not, waits for an operator: `signals deliveries`. A database that is lost before a mail was claimed is waited for.
    """
    posted = send_due(store, mailing, mailable(context, windows_of(context)))
    for problem in posted.problems:
        context.log.warning(problem)
    metadata = {
        **posted.counts,
        "held": posted.held,
        "lost": posted.lost,
        "unsubscribed": posted.suppressed,
        "recipients": len(mailing.recipients),
        "problems": dg.MetadataValue.md(markdown_table(["problem"], [(each,) for each in posted.problems])),
    }
    if posted.needs_operator:
        raise dg.Failure("mails were refused or may have arrived or not: see `signals deliveries`", metadata=metadata)
    return dg.MaterializeResult(metadata=metadata)
