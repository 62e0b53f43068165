"""Asset `publication`: the pages, the API and the feed as static files, where SIGNALS_PUBLISH_URL names a place."""

from typing import Protocol

import dagster as dg

from signals_pipeline.adapters.publication import PublicationError, PublicationReport
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, windows_of, windows_to_mail
from signals_pipeline.defs.stage_limits import limit_tags, with_limits

# Mails go first: a step of lower priority starts when no other can.
_AFTER_MAILS = {"dagster/priority": "-1"}


class Publisher(Protocol):
    """Publishes the site: `web.publication.SitePublisher`, which the composition root puts in."""

    def publish(self) -> PublicationReport:
        """Publish what has changed; raises `PublicationError` and `DatabaseError`."""
        ...


@dg.asset(
    partitions_def=DIGEST_WINDOWS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="digest",
    kinds={"html"},
    owners=["team:signals"],
    op_tags=limit_tags(600) | _AFTER_MAILS,
    deps=["digest"],
)
@with_limits
def publication(context: dg.AssetExecutionContext, publisher: dg.ResourceParam[Publisher]) -> dg.MaterializeResult:
    """The digest pages, signal pages, record, API and feed as static files, for readers whatever else is switched off.

    A live run publishes what has changed since the last publication, after its mails were sent. Other runs publish
    nothing: the next live run or `signals publish` does.
    """
    if windows_to_mail(context, windows_of(context)) is not None:
        return dg.MaterializeResult(metadata={"published": "nothing: not a live run"})
    try:
        report = publisher.publish()
    except PublicationError as error:
        raise dg.Failure(
            f"the published pages are not up to date: {error}. Mails are not affected; the next live run publishes"
            " again, or run `signals publish`",
            allow_retries=False,
        ) from error
    for problem in report.problems:
        context.log.warning(problem)
    return dg.MaterializeResult(
        metadata={
            "pages": report.pages,
            "rendered": report.rendered,
            "written": report.written,
            "deleted": report.deleted,
            "problems": len(report.problems),
        }
    )
