"""Asset `digest`: each window's digest, stored in the database and rendered to files."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import dagster as dg
import pandas as pd

from signals_pipeline.adapters.mail.envelope import Links
from signals_pipeline.adapters.progress import counted
from signals_pipeline.adapters.rendering.files import DigestFiles, write_digest
from signals_pipeline.adapters.stores.digests import content_sha256
from signals_pipeline.adapters.stores.tables import digest as digest_table
from signals_pipeline.adapters.worker_pool import WorkerPool
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.core.prices.earnings import EarningsSource
from signals_pipeline.core.windows import Window
from signals_pipeline.defs import figures
from signals_pipeline.defs.digest_composition import Composer
from signals_pipeline.defs.dispatch import Mailing
from signals_pipeline.defs.metadata import attach, describe_run, sql_schema, text_preview
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of
from signals_pipeline.defs.recipients import readership
from signals_pipeline.defs.resources import MarketContext, Store
from signals_pipeline.defs.stage_limits import limit_tags, with_limits


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="digest",
    kinds={"html", "sql"},
    owners=["team:signals"],
    op_tags=limit_tags(120, per_window=3),
    deps=["signals", "outcomes"],
    metadata=sql_schema(digest_table),
)
@with_limits
def digest(
    context: dg.AssetExecutionContext,
    prices: dg.ResourceParam[PriceSource],
    earnings: dg.ResourceParam[EarningsSource],
    market: dg.ResourceParam[MarketContext],
    store: dg.ResourceParam[Store],
    mailing: dg.ResourceParam[Mailing],
    worker_pool: dg.ResourceParam[WorkerPool],
    headlines: pd.DataFrame,
    sentiment: pd.DataFrame,
) -> dg.MaterializeResult:
    """The digest of each window as JSON in the database and as HTML, text and JSON files.

    The digest of a live run's newest window also puts its mails into the outbox; `delivery` sends them.
    """
    windows = windows_of(context)
    newest = windows[-1]
    composer = Composer.for_windows(windows, store, market, prices, earnings, headlines=headlines, sentiment=sentiment)
    # Read once, and before anything is stored: the readers of this run are those of its beginning.
    readers = readership(mailing.readers, store)
    for problem in readers.problems:
        context.log.warning(problem)
    entries: dict[str, dict[str, Any]] = {}
    kept: list[str] = []

    def compose_and_store() -> Iterator[str]:
        for window in counted(windows):
            composed = composer.compose(window)
            content = composed.to_json()
            # Digest and mails are stored in one transaction, so that no mail is lost or duplicated.
            mails = readers.recipients(window, mailing.domain) if window == newest else ()
            entry = store.digests.put(
                window, content, kind=composed.kind, mode=composed.mode, subject=composed.subject, mails=mails
            )
            if entry.sha256 != content_sha256(content):
                # Its mails were sent: readers have the stored one.
                kept.append(window.key)
                content = store.digests.content(window)
                composed = Digest.from_json(content)
            entries[window.key] = _describe(composed, mailing.links)
            if window == newest:
                cards = (*composed.new, *composed.changed, *composed.from_missed)
                describe_run(context, windows, {"price_plot": figures.prices(cards, window)})
            yield content

    # Workers render a digest while this process composes the next ones.
    _compose_revisions(windows, composer, store)
    with worker_pool.open(len(windows)) as workers:
        rendered = workers.map(partial(write_digest, folder=market.digests_dir), compose_and_store())

    # The files exist only now; their entries complete those of the composed digests.
    for window, files in zip(windows, rendered, strict=True):
        entries[window.key] |= _describe_files(files)
    attach(context, entries)
    if kept:
        keys = ", ".join(kept)
        context.log.warning("digests of windows %s were sent and are kept; composed now they would differ", keys)
    return dg.MaterializeResult(
        metadata={
            "folder": dg.MetadataValue.path(market.digests_dir),
            "kept_as_sent": ", ".join(kept) or "none",
            "readers": len(readers.readers),
            # Whole lines: a table would cut what to do.
            "readers_problems": "\n".join(readers.problems) or "none",
        }
    )


def _compose_revisions(windows: tuple[Window, ...], composer: Composer, store: Store) -> None:
    """Compose the digests of the windows' revisions that have none yet."""
    by_start = {window.start: window for window in windows}
    for revision in store.revisions.without_digest(windows[0].start, windows[-1].start):
        window = by_start.get(revision.window_start)
        if window is not None:
            store.revisions.put_digest(revision, composer.compose(window, revision).to_json())


def _describe(composed: Digest, links: Links) -> dict[str, Any]:
    """Metadata of one window: subject, web page and number of signals."""
    entries: dict[str, Any] = {"subject": composed.subject}
    page = links.page(f"digests/{composed.window_key}")
    if page:
        entries["page"] = dg.MetadataValue.url(page)
    return entries | {
        "kind": composed.kind,
        "signals_new": len(composed.new),
        "signals_changed": len(composed.changed),
        "signals_active": len(composed.still_active),
        "signals_corrected": len(composed.corrected),
        "near_misses": len(composed.near_misses),
    }


def _describe_files(files: DigestFiles) -> dict[str, Any]:
    """Metadata of one window: where its files are, and the text of the mail."""
    return {
        "html": dg.MetadataValue.path(files.html),
        "html_bytes": files.html.stat().st_size,
        "text": text_preview(files.text.read_text(encoding="utf-8")),
    }
