"""Asset `delivery`: sends the mails that wait in the outbox, each at most once."""

import dagster as dg

from signals_pipeline.adapters.stores.tables import delivery as delivery_table
from signals_pipeline.defs.dispatch import Mailing, send_due
from signals_pipeline.defs.metadata import markdown_table, sql_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of, windows_to_mail
from signals_pipeline.defs.resources import Store
from signals_pipeline.defs.stage_limits import limit_tags, with_limits


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="digest",
    kinds={"email", "sql"},
    owners=["team:signals"],
    # Four retries after up to 30, 60, 120 and 240 s: a managed database is replaced within two minutes.
    op_tags=limit_tags(600, retries=4),
    deps=["digest"],
    metadata=sql_schema(delivery_table),
)
@with_limits
def delivery(
    context: dg.AssetExecutionContext,
    mailing: dg.ResourceParam[Mailing],
    store: dg.ResourceParam[Store],
) -> dg.MaterializeResult:
    """Sends the mails in the outbox that are due; a backfill sends none, and no mail is sent twice.

    A mail that the server refuses for now stays in the outbox and is retried. One that it refuses for good, or that may
    have arrived or not, waits for an operator: `signals deliveries`. If the database is lost before the first mail was
    claimed, the stage is retried. Readers' requests, such as unsubscribing, are applied before any mail is sent.
    """
    report = send_due(store, mailing, windows_to_mail(context, windows_of(context)))
    for problem in (*report.requests.lines, *report.problems):
        context.log.warning(problem)

    problem_rows = [(problem,) for problem in report.problems]
    metadata = {
        **report.counts,
        "held": report.held,
        "lost": report.lost,
        "unsubscribed": report.suppressed,
        "requests": dict(report.requests.applied),
        "requests_set_aside": len(report.requests.problems),
        "problems": dg.MetadataValue.md(markdown_table(["problem"], problem_rows)),
    }
    if report.needs_operator:
        raise dg.Failure(
            "mails were refused for good, or may have arrived or not: run `signals deliveries` to see them",
            metadata=metadata,
        )
    if report.requests.unreachable:
        raise dg.Failure(
            f"readers' requests could not be read: {report.requests.unreachable}; the mails were sent all the same, and"
            " the next run or `signals deliveries` reads the queue again",
            metadata=metadata,
            allow_retries=False,
        )
    return dg.MaterializeResult(metadata=metadata)
