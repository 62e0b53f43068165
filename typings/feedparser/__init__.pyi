"""What signals_pipeline uses of feedparser 6, which ships no types."""

from collections.abc import Mapping
from typing import Any

class CharacterEncodingOverride(Exception): ...  # noqa: N818
class NonXMLContentType(Exception): ...  # noqa: N818
class FeedParserDict(dict[str, Any]): ...

def parse(
    url_file_stream_or_string: bytes,
    *,
    response_headers: Mapping[str, str],
    resolve_relative_uris: bool,
    sanitize_html: bool,
) -> FeedParserDict: ...
