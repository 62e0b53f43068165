"""Walking through published pages: which addresses they link to, and whether a file answers each."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree as ET

from signals_pipeline.web.publication import object_name
from signals_pipeline_tests.support.digest_pages import Page

ATOM = "{http://www.w3.org/2005/Atom}"
# Lists of the API, which no page links to, and the parameter that names their next page.
LISTS = {"/api/v1/digests": "before", "/api/v1/signals": "after"}


def name_of(address: str) -> str:
    """The name of the file that answers an address."""
    parts = urlsplit(address)
    return object_name(parts.path, tuple(parse_qsl(parts.query)))


def links_of(address: str, body: bytes) -> set[str]:
    """The addresses of the site that an answer links to."""
    parts = urlsplit(address)
    if parts.path == "/feed.xml":
        links = ET.fromstring(body).iter(f"{ATOM}link")  # noqa: S314 - our own
        return {urlsplit(link.attrib["href"]).path or "/" for link in links}
    if parts.path in LISTS:
        listed: dict[str, Any] = json.loads(body)
        if listed["next"] is None:
            return set()
        query = [*((name, value) for name, value in parse_qsl(parts.query) if name != LISTS[parts.path])]
        return {f"{parts.path}?{urlencode([*query, (LISTS[parts.path], listed['next'])])}"}
    if parts.path.startswith("/api/") or parts.path.endswith((".css", ".svg", ".json", ".js")):
        return set()
    # A place on a page is the page.
    links = Page(body.decode()).links
    return {link.partition("#")[0] for link in links if link and link.startswith("/")}


def walk(read: Callable[[str], bytes | None], *entrances: str) -> dict[str, bytes]:
    """Every answer that can be reached from entrances that are there, by address.

    Raises:
        AssertionError: a link leads to nothing.
    """
    found: dict[str, bytes] = {}
    waiting = [(entrance, "") for entrance in entrances if read(entrance) is not None]
    while waiting:
        address, linked_from = waiting.pop()
        if address in found:
            continue
        body = read(address)
        assert body is not None, f"{linked_from} links to {address}, which is not there"
        found[address] = body
        waiting.extend((link, address) for link in links_of(address, body))
    return found
