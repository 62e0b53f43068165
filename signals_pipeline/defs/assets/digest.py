"""Asset `digest`: what the reader is told about the window, as one value and its renderings."""

import dagster as dg

from signals_pipeline.adapters.digest_files import write_digest
from signals_pipeline.core.feeds import PriceSource
from signals_pipeline.defs.composing import Composer
from signals_pipeline.defs.metadata import markdown_table
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of
from signals_pipeline.defs.resources import Desk, Store


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="digest",
    kinds={"html", "sql"},
    owners=["team:signals"],
    deps=["headlines", "signals", "outcomes"],
)
def digest(
    context: dg.AssetExecutionContext,
    prices: dg.ResourceParam[PriceSource],
    desk: dg.ResourceParam[Desk],
    store: dg.ResourceParam[Store],
) -> dg.MaterializeResult:
    """The digest of each window as JSON in the database and as HTML, text and JSON files; nothing is sent from here."""
    windows = windows_of(context)
    composer = Composer.over(windows, store, desk, prices)
    rows: list[tuple[str, str, str, int]] = []
    for window in windows:
        made = composer.compose(window)
        store.digests.put(window, made.to_json(), kind=made.kind, mode=made.mode, subject=made.subject)
        files = write_digest(made, desk.digests_dir)
        size = files.html.stat().st_size
        rows.append((window.key, made.kind, made.subject, size))
        context.add_asset_metadata(
            {"subject": made.subject, "kind": made.kind, "html_bytes": size, "html": dg.MetadataValue.path(files.html)},
            partition_key=window.key,
        )
    listing = markdown_table(["window", "kind", "subject", "HTML bytes"], rows[-40:])
    return dg.MaterializeResult(metadata={"digests": dg.MetadataValue.md(listing)})
