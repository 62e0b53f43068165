"""`signals publish`: the site as static files. What is published is decided in `web.publication`."""

from collections.abc import Iterator

from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import SettingsError
from signals_pipeline.web.publication import SitePublisher


def publish_site(settings: Settings, *, everything: bool) -> Iterator[str]:
    """Publish the site, and yield what was done.

    Args:
        settings: Database, base URL, token and destination.
        everything: Render and write every page.

    Raises:
        SettingsError: No destination is set.
        PublicationError: The destination can't be read or changed.
        DatabaseError: The database fails.
    """
    if not settings.signals_publish_url:
        raise SettingsError("SIGNALS_PUBLISH_URL is empty: set it to s3://bucket/folder or file:///folder")
    report = SitePublisher(settings).publish(everything=everything)
    yield (f"{settings.signals_publish_url}: {report.pages} pages, {report.written} written, {report.deleted} deleted")
    yield from report.problems
