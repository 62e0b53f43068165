"""Hostile titles and links in a digest e-mail: no markup, no control characters, nothing fetched."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.rendering import safe_text
from signals_pipeline.adapters.rendering.digest import render_html, render_text
from signals_pipeline_tests.support.digest_pages import Page, titled


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=300) | st.text("<>&\"'/=`;{}%#\r\n\x00\u202e\u2066", max_size=60))
def test_no_title_becomes_markup(title: str) -> None:
    plain, hostile = (Page(render_html(titled(text))) for text in ("A title", title or "A title"))
    shape = [(tag, sorted(attributes)) for tag, attributes in plain.tags if tag not in {"p", "br", "span"}]
    assert [(tag, sorted(attributes)) for tag, attributes in hostile.tags if tag not in {"p", "br", "span"}] == shape
    assert hostile.open == []


MARKUP = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> {{ 7 * 7 }} &amp;\r\nBcc: a@b.example \u202etxt.exe\u2066"
)


def test_markup_controls_and_direction_marks() -> None:
    html, text = render_html(titled(MARKUP)), render_text(titled(MARKUP))
    page = Page(html)
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7 * 7 }} &amp; Bcc: a@b.example txt.exe" in page.text
    for part in (html, text):
        assert not re.search("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\x00\r]", part)
    html.encode()
    render_html(titled("half a pair \ud83d")).encode()


@pytest.mark.parametrize(
    "url",
    [
        *(
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "//host/x",
        ),
        *("https://", "https://a b.example", 'https://a.example/"onclick="x', "https://[bad", "mailto:a@b.example", ""),
        *("https://a.example/\u202e", "ftp://a.example", "https://a.example/" + "x" * 2000, "https://a.example/\\x"),
    ],
)
def test_only_whole_http_links_are_links(url: str) -> None:
    digest = titled("A title", url)
    links = Page(render_html(digest)).links
    assert links == (["https://a.example/"] if "\u202e" in url else [])  # a direction mark is taken out, the rest stays
    if url and not links:
        assert url not in render_text(digest)


def test_links_are_plain_and_nothing_is_fetched() -> None:
    html = render_html(titled("A title", "https://news.example/1?a=1&b=%20"))
    page = Page(html)
    assert page.links == ["https://news.example/1?a=1&b=%20"]
    assert not any("target" in attributes for _, attributes in page.tags)  # so that no page gets hold of its opener
    assert not any({"src", "background", "action"} & set(attributes) for _, attributes in page.tags)
    assert not re.search(r"url\(|@import|<link", html)


@given(st.text(max_size=40) | st.text("ab  \t\x00\u202e\u00a0\u2028", max_size=12))
def test_what_is_called_clean_is_what_cleaning_leaves_as_it_is(text: str) -> None:
    cleaned = safe_text._clean(text)  # noqa: SLF001 - a shortcut must not change a byte
    assert not safe_text._is_clean(text) or cleaned == text  # noqa: SLF001
    assert safe_text._clean(cleaned) == cleaned  # noqa: SLF001
