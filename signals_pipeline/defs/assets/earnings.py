"""Asset `earnings`: visits the source of earnings dates, for the digests after this one."""

import dagster as dg

from signals_pipeline.adapters.stores.tables import earnings_date
from signals_pipeline.core.prices.earnings import EarningsSource
from signals_pipeline.defs.metadata import markdown_table, sql_schema
from signals_pipeline.defs.partitions import DIGEST_WINDOWS
from signals_pipeline.defs.resources import MarketContext
from signals_pipeline.defs.stage_limits import limit_tags, with_limits


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="prices",
    kinds={"sql"},
    owners=["team:signals"],
    # After everything else that is ready: no mail waits for it.
    op_tags={**limit_tags(300, per_window=0.1), "dagster/priority": "-1"},
    metadata=sql_schema(earnings_date),
)
@with_limits
def earnings(
    context: dg.AssetExecutionContext,
    earnings: dg.ResourceParam[EarningsSource],
    market: dg.ResourceParam[MarketContext],
) -> dg.MaterializeResult:
    """What companies announce of their next reports, as first seen; no row is ever changed.

    A row counts from when it was first seen, so what is collected here is for the digests after this one. A source in
    trouble fails no run: those digests name it and say that dates are unknown.
    """
    report = earnings.collect(market.watchlist.symbols)
    for problem in report.problems:
        context.log.warning(problem)
    changes = [
        (row.symbol, "none" if row.day is None else row.day.isoformat(), row.time.value, str(row.estimated))
        for row in report.changes
    ]
    return dg.MaterializeResult(
        metadata={
            "source": earnings.name,
            "asked": report.asked,
            "answered": report.answered,
            "calls": report.calls,
            "changes": dg.MetadataValue.md(markdown_table(["symbol", "day", "time", "estimated"], changes)),
            "problems": dg.MetadataValue.md(markdown_table(["problem"], [(line,) for line in report.problems])),
        }
    )
