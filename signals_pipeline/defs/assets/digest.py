"""Asset `digest`: what the reader is told about the window, as one value and its renderings."""

from concurrent.futures import Future
from itertools import takewhile
from typing import Any

import dagster as dg
import pandas as pd

from signals_pipeline.adapters.mail.envelope import Links
from signals_pipeline.adapters.progress import counted
from signals_pipeline.adapters.rendering.files import DigestFiles, write_digest
from signals_pipeline.adapters.stores.tables import digest as digest_table
from signals_pipeline.adapters.worker_pool import Beside
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.defs import figures
from signals_pipeline.defs.digest_composition import Composer
from signals_pipeline.defs.dispatch import Mailing
from signals_pipeline.defs.metadata import attach, describe_run, sql_schema, text_preview
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of
from signals_pipeline.defs.resources import MarketContext, Store
from signals_pipeline.defs.stage_limits import bounded, limits


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="digest",
    kinds={"html", "sql"},
    owners=["team:signals"],
    op_tags=limits(120, a_window=3),
    deps=["signals", "outcomes"],
    metadata=sql_schema(digest_table),
)
@bounded
def digest(
    context: dg.AssetExecutionContext,
    prices: dg.ResourceParam[PriceSource],
    market: dg.ResourceParam[MarketContext],
    store: dg.ResourceParam[Store],
    mailing: dg.ResourceParam[Mailing],
    beside: dg.ResourceParam[Beside],
    headlines: pd.DataFrame,
    sentiment: pd.DataFrame,
) -> dg.MaterializeResult:
    """The digest of each window as JSON in the database and as HTML, text and JSON files.

    With the digest of a live run's newest window, its mails enter the outbox; `delivery` sends them.
    """
    windows = windows_of(context)
    composer = Composer.over(windows, store, market, prices, headlines=headlines, sentiment=sentiment)
    with beside.over(len(windows)) as renderer:
        rendering: dict[str, Future[DigestFiles]] = {}
        contents: dict[str, str] = {}
        shown: dict[str, dict[str, Any]] = {}
        for window in counted(windows):
            made = composer.compose(window)
            content = made.to_json()
            mails = mailing.addressed(window) if window == windows[-1] else ()
            store.digests.put(window, content, kind=made.kind, mode=made.mode, subject=made.subject, mails=mails)
            contents[window.key] = content
            rendering[window.key] = renderer.submit(write_digest, content, market.digests_dir)
            shown[window.key] = _describe(made, mailing.links)
            if window == windows[-1]:
                cards = (*made.new, *made.changed, *made.from_missed)
                describe_run(context, windows, {"price_plot": figures.prices(cards, window)})
        # All composed, this process takes from the end what the other has not come to.
        taken = takewhile(lambda key: rendering[key].cancel(), reversed(contents))
        rendered = {key: write_digest(contents[key], market.digests_dir) for key in taken}
        for key, files in rendering.items():
            shown[key] |= _describe_files(rendered.get(key) or files.result())
    attach(context, shown)
    return dg.MaterializeResult(metadata={"folder": dg.MetadataValue.path(market.digests_dir)})


def _describe(made: Digest, links: Links) -> dict[str, Any]:
    page = links.page(f"digests/{made.window_key}")
    return {
        "subject": made.subject,
        **({"page": dg.MetadataValue.url(page)} if page else {}),
        "kind": made.kind,
        "signals_new": len(made.new),
        "signals_changed": len(made.changed),
        "signals_active": len(made.still_active),
        "signals_corrected": len(made.corrected),
        "near_misses": len(made.near_misses),
    }


def _describe_files(files: DigestFiles) -> dict[str, Any]:
    return {
        "html": dg.MetadataValue.path(files.html),
        "html_bytes": files.html.stat().st_size,
        "text": text_preview(files.text.read_text(encoding="utf-8")),
    }
