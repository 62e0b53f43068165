"""What a reader sees of a page: its text, links and structure."""

from signals_pipeline_tests.support.digest_pages import Page


class Whole(Page):
    """A page whose SVG elements may close themselves."""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    @property
    def scripts(self) -> list[str | None]:
        """The files of its scripts; None stands for one that is written into the page."""
        return [attributes.get("src") for tag, attributes in self.tags if tag == "script"]
