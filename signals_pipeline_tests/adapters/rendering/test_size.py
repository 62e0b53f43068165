"""Digest e-mails within their bytes and columns, whatever is in them."""

import re
import textwrap
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.rendering import digest as render
from signals_pipeline.adapters.rendering.digest import MAX_HTML_BYTES, TEXT_WIDTH, render_html, render_text
from signals_pipeline_tests.support.digest_examples import digest_of
from signals_pipeline_tests.support.digest_pages import NOW, Page, everything, hostile_cards, titled


@pytest.mark.parametrize("count", [25, 80])
def test_a_long_digest_stays_under_the_clipping_limit(count: int) -> None:
    digest = hostile_cards(count)
    html, text = render_html(digest), render_text(digest)
    assert len(html.encode()) <= MAX_HTML_BYTES
    assert "SYM0" in html
    assert "see the text part" in html
    assert f"SYM{count - 1} " in text
    assert f"ACT{count - 1} " in text
    assert Page(html).open == []


@pytest.mark.parametrize(("notes", "length"), [(1, 200_000), (400, 300), (3_000, 80)])
def test_long_remarks_are_cut_with_a_count_and_stand_in_the_text_part(notes: int, length: int) -> None:
    remarks = tuple(f"Remark {n}: " + ("R&D " * length)[:length].strip() + "." for n in range(notes))
    digest = replace(hostile_cards(25), notes=remarks)
    html, text = render_html(digest), " ".join(render_text(digest).split())
    page = Page(html).text
    assert len(html.encode()) <= MAX_HTML_BYTES
    assert "Remark 0: R&D" in page
    shown = page.count("Remark ")
    assert (f"{notes - shown:d} more remarks: see the text part of this message." in page) == (shown < notes)
    assert all(remark in text for remark in remarks[:: max(1, notes // 5)])


def test_a_cut_remark_counts_the_characters_left_out() -> None:
    remark = "word " * 1_000 + "end"
    page = Page(render_html(replace(digest_of(NOW), notes=(remark,)))).text
    ((kept, left),) = re.findall(r"((?:word ?)+)… \(([\d,]+) more characters\)", page)
    assert len(kept) + int(left.replace(",", "")) == len(remark)
    short = "An ordinary remark of one sentence."
    assert f">{short}</p>" in render_html(replace(digest_of(NOW), notes=(short,)))


@given(st.sampled_from(["subject", "preheader", "label", "market", "model"]), st.sampled_from("x &\u00a0"))
@settings(max_examples=8)
def test_no_field_is_endless(name: str, letter: str) -> None:
    digest = replace(hostile_cards(25), **{name: letter * 1_000_000})
    assert len(render_html(digest).encode()) <= MAX_HTML_BYTES
    assert len(render_text(replace(everything(), **{name: letter * 1_000_000}))) < 50_000


def test_endless_titles_everywhere() -> None:
    digest = titled("<&" * 500_000)
    assert len(render_html(digest).encode()) <= MAX_HTML_BYTES
    assert len(render_text(replace(digest, notes=()))) < 50_000


@given(st.text(st.sampled_from("ab -\u00a0…"), max_size=90) | st.text(max_size=90), st.integers(0, 8))
def test_wrapping_is_that_of_the_standard_library(text: str, indent: int) -> None:
    space = " " * indent
    wanted = textwrap.fill(text, TEXT_WIDTH, initial_indent=space, subsequent_indent=space, break_on_hyphens=False)
    assert render._wrap(text, indent) == wanted  # noqa: SLF001


def test_twenty_five_ordinary_cards_fit() -> None:
    digest = everything()
    cards = tuple(replace(digest.new[0], symbol=f"SYM{n}") for n in range(25))
    html = render_html(replace(digest, new=cards))
    assert len(html.encode()) <= MAX_HTML_BYTES
    assert all(f"<b>{each.symbol}</b>" in html for each in cards)


def test_text_fits_its_columns_but_for_links() -> None:
    for digest in (everything(), hostile_cards(3), titled("word " * 60)):
        lines = [line for line in render_text(digest).splitlines() if "://" not in line]
        assert max(map(len, lines)) <= TEXT_WIDTH
        assert not any(line != line.rstrip() for line in lines)
