"""Titles and links are cleaned before anyone reads them."""

import unicodedata
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from signals_pipeline.core.text import (
    TITLE_LIMIT,
    canonical_url,
    clean,
    content_address,
    first_line,
    readable,
    short_duration,
)

HOSTILE = st.text(st.one_of(st.characters(), st.sampled_from("<>&;#$\x00\u202e\ud800ab /")), max_size=80)


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("AT&amp;T&#8217;s profit", "AT&T’s profit"),
        ("<b>App</b>le<br>up &lt;5%", "Apple up <5%"),
        ("&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;Visa", "Visa"),
        ("<!-- ad --><p class='x'>Intel</p>", "Intel"),
        ("Ap\x00p\u200ble\u202e falls\ud83d", "Apple falls"),
        (" Ford\t\r\n up\u00a0 3% ", "Ford up 3%"),
        ("Ｖｉｓａ ﬁnes", "Visa fines"),
        ("Tesla 🚀 to the moon", "Tesla 🚀 to the moon"),
        ("M&centric sees 3 < 4 and 5 > 4", "M&centric sees 3 < 4 and 5 > 4"),
        ("", ""),
    ],
)
def test_clean_gives_plain_text(raw: str, plain: str) -> None:
    assert clean(raw) == (plain, False)


def test_a_long_title_is_cut_at_a_word_and_says_so() -> None:
    text, cut = clean("Apple " * 2_000)
    assert cut
    assert len(text) <= TITLE_LIMIT
    assert set(text.split(" ")) == {"Apple"}


def test_a_word_longer_than_the_limit_is_cut() -> None:
    assert clean("x" * 10_000) == ("x" * TITLE_LIMIT, True)


def test_a_page_of_markup_with_a_short_title_counts_as_cut() -> None:
    assert clean("Apple" + " " * 10_000) == ("Apple", True)


@given(HOSTILE)
@settings(max_examples=200, deadline=None)
def test_clean_text_is_safe_and_stable(raw: str) -> None:
    text, _ = clean(raw)
    assert clean(text) == (text, False)
    assert not {unicodedata.category(character) for character in text} & {"Cc", "Cf", "Cs", "Co"}
    assert text == " ".join(text.split())
    text.encode()


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("$BAC - [video] US banks and payouts", "US banks and payouts"),
        ("RT @WSJ: Apple opens a store http://t.co/x $AAPL", "Apple opens a store"),
        ("Verizon, AT&T in talks $VZ, $T", "Verizon, AT&T in talks"),
        ('$MCD News: "Dogs Of The Dow: 2014 Third Quarter…" Board view', "Dogs Of The Dow: 2014 Third Quarter"),
        ("Exxon ($XOM) plant halts", "Exxon plant halts"),
        ("Facebook probed.. $FB #tech #stocks", "Facebook probed"),
        ("#Apple takes on #Google", "Apple takes on Google"),
        ("Spooked by $AAPL's debut", "Spooked by debut"),
        ("Oil at $40, Visa #1", "Oil at $40, Visa #1"),
        ("$AAPL $MSFT https://x.com", ""),
        ("🚀🚀", ""),
        ("-3% day for Apple", "-3% day for Apple"),
    ],
)
def test_a_model_reads_only_the_words(title: str, text: str) -> None:
    assert readable(title) == text


@pytest.mark.parametrize(
    ("raw", "link"),
    [
        ("HTTP://Example.COM/a?utm_source=x&b=2&a=1#top", "http://example.com/a?a=1&b=2"),
        ("https://seekingalpha.com/article/1?source=feed_f", "https://seekingalpha.com/article/1"),
        ("https://user:secret@example.com:443/", "https://example.com/"),
        ("https://example.com:8443/x", "https://example.com:8443/x"),
        ('https://example.com/a b"><i>', "https://example.com/a%20b%22%3E%3Ci%3E"),
        ("https://münchen.de/ü", "https://m%C3%BCnchen.de/%C3%BC"),
        ("https://exa\x00mple.com/", "https://example.com/"),
        ("javascript:alert(1)", ""),
        ("ftp://example.com/x", ""),
        ("//example.com/x", ""),
        ("https:///x", ""),
        ("https://exa mple.com/", ""),
        ("https://[::1", ""),
        ("https://example.com:99999/", ""),
        ("https://example.com/" + "x" * 3_000, ""),
        ("", ""),
        (None, ""),
    ],
)
def test_only_http_links_survive_and_without_tracking(raw: str | None, link: str) -> None:
    assert canonical_url(raw) == link


@given(st.one_of(HOSTILE, HOSTILE.map("https://example.com/".__add__)))
@settings(deadline=None)
def test_a_link_is_empty_or_printable_http_and_stable(raw: str) -> None:
    link = canonical_url(raw)
    assert not link or (link.isascii() and link.isprintable() and link.startswith(("http://", "https://")))
    assert not set(link) & set("<>\" '\\`") - {"'"}
    assert canonical_url(link) == link


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Why I sold Fitbit $AAPL #APPLE $GRMN $FIT", "Why I sold Fitbit"),
        ("Why I sold Fitbit $AAPL #APPLE", "Why I sold Fitbit"),
        ("Samsung sues #Apple $AAPL", "Samsung sues Apple"),
        ("Is $MSFT #cheap now?", "Is cheap now?"),
    ],
)
def test_hashtags_after_a_cashtag_are_removed_with_it(title: str, text: str) -> None:
    assert readable(title) == text


def test_the_content_address_is_the_sha_256_of_the_text() -> None:
    assert content_address("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert content_address("ä") != content_address("a")


@settings(max_examples=300)
@given(
    st.sampled_from(["http", "https", "Https", "ftp"]),
    st.text("aB0-.", min_size=1, max_size=8),
    st.text("aB0-._~/%:=&+!$,;'@()*[]?#\\ é\n", max_size=14),
)
def test_a_canonical_link_equals_the_one_built_from_its_parts(scheme: str, host: str, rest: str) -> None:
    for link in (f"{scheme}://{host}{rest}", f"{scheme}://{host}.com/{rest}"):
        assert canonical_url(link) == canonical_url(f" {link}")  # the leading space makes it take the slow path


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("Couldn't read\nat 0x00", "Couldn't read"),
        ("Couldn't \x0fread\x00", "Couldn't ?read?"),
        ("", "OSError"),
        ("\nsecond", "OSError"),
    ],
)
def test_somebody_else_s_message_is_one_printable_line(message: str, line: str) -> None:
    assert first_line(message, "OSError") == line


def test_somebody_else_s_message_is_cut() -> None:
    assert first_line("word " * 100, "OSError", 30) == "word word word word word word…"


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(), "0 min"),
        (timedelta(seconds=1), "1 min"),
        (timedelta(hours=9), "9 h"),
        (timedelta(hours=62, minutes=30), "62 h 30 min"),
        (timedelta(days=20, hours=3), "20 days"),
    ],
)
def test_a_duration_is_given_in_the_units_that_suit_it(duration: timedelta, words: str) -> None:
    assert short_duration(duration) == words
