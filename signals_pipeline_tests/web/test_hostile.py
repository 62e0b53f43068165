"""Hostile titles, names and links, in every field that reaches a page or the API."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from signals_pipeline.core.digest.model import Digest
from signals_pipeline.web.safe import MAXIMUM_LENGTH, plain
from signals_pipeline.web.templating import render
from signals_pipeline_tests.support.digest_examples import component, signal, story
from signals_pipeline_tests.support.digest_pages import NOW, everything, titled
from signals_pipeline_tests.support.hostile_input import poisoned
from signals_pipeline_tests.support.html_reader import Whole
from signals_pipeline_tests.support.web_site import decide, site, tell

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><svg/onload=x> {{ 7 * 7 }} {% raw %}"
BIDI = "\u202eexe.txt\u2066\u200f\u061c\r\nBcc: a@b.example\x00\x1b[2J\u2028"
HUGE = "A" * 1_000_000
LINKS = ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,<b>", "vbscript:x", "//host/x", 'https://a"b/']
BAD = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\x00-\x09\x0b-\x1f\u2028]")


def hostile(title: str, url: str) -> Digest:
    """Every string an attack but for the symbols, which name addresses and come from the watchlist alone."""
    digest, named = poisoned(title, url), everything()
    cards = {
        name: tuple(
            replace(each, symbol=ours.symbol, source=ours.source)
            for each, ours in zip(getattr(digest, name), getattr(named, name), strict=True)
        )
        for name in ("new", "changed", "from_missed")
    }
    lines = {
        name: tuple(
            replace(each, symbol=ours.symbol)
            for each, ours in zip(getattr(digest, name), getattr(named, name), strict=True)
        )
        for name in ("still_active", "expired")
    }
    return replace(digest, **cards, **lines)


def told(url: str, digest: Digest, title: str, link: str) -> list[tuple[str, str]]:
    """Every page and answer that shows a digest, its signal, or either in a list."""
    tell(url, digest)
    parts = [story(1, 0.4, 0.1, title=title, url=link, source=title), component("rsi", 0.1)]
    each = signal(window=NOW, parts=parts, news_title=title, news_url=link)
    decide(url, NOW, [each])
    name = f"{NOW.key}-AAA-BUY"
    lists = ("/signals", "/companies", "/companies/AAA")
    paths = ("/", f"/digests/{NOW.key}", f"/signals/{name}", "/record", *lists)
    answers = ("/api/v1/digest", "/api/v1/digests", "/api/v1/signals", f"/api/v1/signals/{name}", "/api/v1/record")
    with site(url) as client:
        return [(path, checked(client, path)) for path in (*paths, *answers)]


def checked(client: TestClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.text


@pytest.mark.parametrize("title", [MARKUP, BIDI, MARKUP + BIDI, "half a pair \ud83d", "&lt;b&gt;", HUGE, ""])
def test_a_title_in_every_field_stays_a_text(url: str, title: str) -> None:
    stored = title.encode("utf-8", "replace").decode()  # what a database takes
    link = LINKS[0]
    digest = hostile(stored, link)
    for path, text in told(url, digest, stored.replace("\x00", ""), link):
        assert not BAD.search(text)
        assert len(text) < 200_000  # some hundred fields, each cut to 2,000
        if path.startswith("/api/"):
            continue
        read = Whole(text)
        assert read.open == []
        tags = {tag for tag, _ in read.tags}
        assert not {"img", "iframe", "style"} & tags
        assert set(read.scripts) <= {"/uplot.js", "/pages.js"}
        assert not any(name.startswith("on") for _, attributes in read.tags for name in attributes)
        if "alert" in title and path in {"/", f"/digests/{NOW.key}", f"/signals/{NOW.key}-AAA-BUY"}:
            assert "<script>alert(1)</script>" in read.text  # as text
            assert "{{ 7 * 7 }}" in read.text


@pytest.mark.parametrize("link", [*LINKS, "https://" + "a" * 1_000_000, "ftp://a.example/", "mailto:a@b.example"])
def test_only_http_links_are_links(url: str, link: str) -> None:
    for path, text in told(url, titled("A title", link), "A title", link):
        if path.startswith("/api/"):
            assert '"news_url":""' in text or "news_url" not in text
            assert '"url":""' in text or '"url"' not in text
        else:
            own = [each for each in Whole(text).links if each and not each.startswith("/")]
            assert own == []
        assert link[:20] not in text


def test_a_link_outwards_tells_nothing_of_its_reader(url: str) -> None:
    for path, text in told(url, titled("A title"), "A title", "https://news.example/1"):
        if not path.startswith("/api/"):
            out = [a for tag, a in Whole(text).tags if tag == "a" and str(a["href"]).startswith("http")]
            assert all({"noopener", "noreferrer", "nofollow"} <= set(str(a["rel"]).split()) for a in out)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_any_text_stays_a_text_in_a_template(text: str) -> None:
    page = Whole(render("message.html", "", here="", title=text, text=text).decode())
    assert page.open == []
    expected = " ".join(plain(text).split())
    assert expected in page.text
    assert plain(plain(text)) == plain(text)


def test_a_text_is_cut_where_no_reader_would_go_on() -> None:
    assert len(plain(HUGE)) == MAXIMUM_LENGTH
    assert plain(HUGE).endswith("…")
    assert plain("  A\ttitle ") == "A title"


def test_the_templates_switch_escaping_off_nowhere() -> None:
    folder = Path(render.__code__.co_filename).with_name("templates")
    for path in folder.glob("*.html"):
        assert not re.search(r"\|\s*safe|autoescape|Markup", path.read_text()), path
