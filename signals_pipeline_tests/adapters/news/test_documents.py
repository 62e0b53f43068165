"""Documents of anybody: what can be read is read, the rest is counted, none holds up its feed."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.http_client.client import HttpClient, Response
from signals_pipeline.adapters.http_client.policy import RequestPolicy
from signals_pipeline.adapters.news.documents import DocumentReader, ReadDocument
from signals_pipeline.adapters.news.edgar import EdgarFilings
from signals_pipeline.adapters.news.rss import RssFeed, YahooRss, read_feed
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.core.watchlist import Company
from signals_pipeline_tests.support.feed_clients import START, client
from signals_pipeline_tests.support.feed_documents import NOW, Item, atom, edgar, rss
from signals_pipeline_tests.support.vendor_server import QUICK, XML, Reply, Request, Vendor

ITEMS = [Item(f"Title {number}", 10.0 * number, f"https://n.example/{number}") for number in range(1, 6)]
TITLES = [item.title for item in ITEMS]
RSS, ATOM = rss(ITEMS), atom(ITEMS)


def response(body: bytes, url: str = "https://h.example/news/feed.xml?token=planted", kind: str = XML) -> Response:
    return Response("h.example/news/feed.xml", 200, {"Content-Type": kind}, body, url)


def read(body: bytes, url: str = "https://h.example/news/feed.xml?token=planted") -> ReadDocument:
    with DocumentReader(RequestPolicy()) as reader:
        return reader.read(response(body, url))


def titles(document: ReadDocument) -> list[str]:
    return [entry.title for entry in document.entries]


def refusal(body: bytes, *, seconds: float = 30) -> str:
    with DocumentReader(RequestPolicy(), seconds) as reader, pytest.raises(SourceError) as refused:
        reader.read(response(body))
    line = str(refused.value)
    assert "\n" not in line
    assert line.startswith("h.example/news/feed.xml: ")
    return line


@pytest.mark.parametrize(
    ("wrong", "title"),
    [
        (b"Procter & Gamble", "Procter & Gamble"),
        (b"AT&T wins", "AT&T wins"),
        (b"AT&T; wins", "AT&T; wins"),
        (b"caf&eacute; &nbsp; &hearts;", "caf\xe9 \xa0 \u2665"),
        (b"form\x0cfeed \x01\x02", "formfeed"),
        (b"far &#99999999999; off", "far \ufffd off"),
        (b"far &#xFFFFFFFFFFFFFFFFF; off", "far \ufffd off"),
        (b"half &#xD800; and zero &#0;", "half \ufffd and zero \ufffd"),
        (b"<![CDATA[kept & as it is &nbsp;]]> & not", "kept & as it is &nbsp; & not"),
    ],
)
@pytest.mark.parametrize("document", [RSS, ATOM], ids=["rss", "atom"])
def test_wrong_characters_cost_no_item(document: bytes, wrong: bytes, title: str) -> None:
    found = read(document.replace(b"Title 2", wrong))
    assert titles(found) == [title if number == 1 else TITLES[number] for number in range(5)]
    assert found.losses == ()


def test_wrong_characters_before_the_items_cost_no_item() -> None:
    found = read(RSS.replace(b"Example feed", b"News & views"))
    assert (found.title, titles(found), found.losses) == ("News & views", TITLES, ())


@pytest.mark.parametrize(
    "tags",
    [b"<b>", b"lead <br> of <p> HTML", b"</wrong>", b"<media:content url='x'/>", b'<psc:chapter title="x"/>'],
    ids=["unclosed", "html", "no start", "undeclared prefix", "podlove"],
)
def test_wrong_tags_in_a_lead_cost_no_item(tags: bytes) -> None:
    found = read(RSS.replace(b"A lead.", tags, 1))
    assert (titles(found), found.losses) == (TITLES, ())


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"Title 3</title>", b"Title 3"),
        (b"</pubDate><description>A lead.</description></item><item><title>Title 4", b"<item><title>Title 4"),
        (b"<title>Title 3", b"<title><title>Title 3"),
    ],
)
def test_an_item_with_a_broken_title_or_time_costs_itself_and_is_counted(good: bytes, bad: bytes) -> None:
    found = read(RSS.replace(good, bad))
    assert titles(found) == ["Title 1", "Title 2", "Title 4", "Title 5"]
    assert found.losses == ("1 of 5 items can't be read (mismatched tag, line 1)",)


def test_an_item_on_which_feedparser_raises_costs_itself() -> None:
    declared = RSS.replace(b"<rss ", b'<rss xmlns:psc="http://podlove.org/simple-chapters" ')
    chapters = b'<psc:chapters><psc:chapter title="x"/></psc:chapters>'
    found = read(declared.replace(b"<title>Title 2</title>", b"<title>Title 2</title>" + chapters))
    assert titles(found) == ["Title 1", "Title 3", "Title 4", "Title 5"]
    assert found.losses == ("1 of 5 items can't be read (feedparser raised TypeError)",)


def test_a_document_before_whose_items_feedparser_raises_is_one_line() -> None:
    declared = RSS.replace(b"<rss ", b'<rss xmlns:psc="http://podlove.org/simple-chapters" ')
    chapters = b'<psc:chapters><psc:chapter title="x"/></psc:chapters>'
    assert refusal(declared.replace(b"<channel>", b"<channel>" + chapters)) == (
        "h.example/news/feed.xml: feedparser can't read it (TypeError: expected string or bytes-like object, got"
        " 'NoneType'); the document was not used"
    )


def test_a_document_that_breaks_off_says_so() -> None:
    between_items = read(RSS[: RSS.index(b"</channel>")])
    assert (titles(between_items), between_items.losses) == (TITLES, ("the document breaks off before its end",))
    within_title = read(RSS[: RSS.index(b"Title 5") + 6])
    assert titles(within_title) == TITLES[:4]
    assert within_title.losses == (
        "the document breaks off before its end",
        "1 of 5 items can't be read (no element found, line 1)",
    )


def test_a_document_of_which_most_can_not_be_read_fails() -> None:
    assert refusal(RSS.replace(b"</title><link>", b"<link>")) == (
        "h.example/news/feed.xml: 5 of 5 items can't be read (mismatched tag, line 1); the document was not used"
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_documents_in_wide_characters_are_read_like_others(encoding: str) -> None:
    body = RSS.decode().replace('encoding="UTF-8"', f'encoding="{encoding}"')
    broken = body.replace("Title 2</title>", "Title 2").replace("Title 3", "AT&T")
    with DocumentReader(RequestPolicy()) as reader:
        whole = reader.read(response(body.encode(encoding), kind="application/xml"))
        assert (titles(whole), whole.losses) == (TITLES, ())
        partly = reader.read(response(broken.encode(encoding), kind="application/xml"))
        assert titles(partly) == ["Title 1", "AT&T", "Title 4", "Title 5"]
        assert partly.losses[0].startswith("1 of 5 items can't be read (")


def test_a_broken_document_whose_items_can_not_be_told_apart_is_one_line() -> None:
    assert "malformed XML" in refusal(RSS.replace(b"item>", b"ITEM>").replace(b"Title 2</title>", b"Title 2"))


def test_links_are_resolved_against_the_document_and_carry_no_key() -> None:
    body = rss([Item("a", 1, "/a"), Item("b", 2, "b?x=1"), Item("c", 3, "?x=1"), Item("d", 4, "https://o.example/d")])
    assert [
        entry.link for entry in read(body, "https://user:planted@h.example/news/feed.xml?token=planted").entries
    ] == [
        "https://h.example/a",
        "https://h.example/news/b?x=1",
        "https://h.example/news/feed.xml?x=1",
        "https://o.example/d",
    ]


def test_links_are_resolved_against_the_base_that_the_document_names() -> None:
    body = rss([Item("a", 1, "a")]).replace(b"<rss ", b'<rss xml:base="https://o.example/x/" ')
    assert read(body).entries[0].link == "https://o.example/x/a"


def test_an_empty_link_is_not_the_address_of_the_document() -> None:
    body = RSS.replace(b"https://n.example/2", b"")
    assert [entry.link for entry in read(body).entries][1] == ""


@pytest.mark.parametrize("body", [b"/etc/hostname", b"file:///etc/hostname", b"http://127.0.0.1:9/x"])
def test_a_document_is_never_taken_for_a_path_or_an_address(body: bytes) -> None:
    assert "not an RSS or Atom feed" in refusal(body) or "malformed XML" in refusal(body)


def many_attributes() -> bytes:
    attributes = b" ".join(b'a%d="x"' % number for number in range(150_000))
    return RSS.replace(b"<item>", b"<item %s>" % attributes, 1)


def test_a_document_that_takes_too_long_is_one_line() -> None:
    assert refusal(many_attributes(), seconds=2).startswith(
        "h.example/news/feed.xml: the document was not read within 2 s (its parser ended with -9)"
    )


def test_a_document_that_takes_too_much_memory_is_one_line_and_the_next_is_read() -> None:
    large = RSS.replace(b"A lead.", b"lead " * 1_500_000)
    with DocumentReader(RequestPolicy(), seconds=60, memory=150 << 20) as reader:
        with pytest.raises(SourceError, match="the memory for one document does not suffice to read it; the document"):
            reader.read(response(large))
        assert titles(reader.read(response(RSS))) == TITLES


def test_a_reader_whose_process_was_ended_reads_on() -> None:
    with DocumentReader(RequestPolicy(), seconds=60) as reader:
        assert titles(reader.read(response(RSS))) == TITLES
        assert reader.process is not None
        reader.process.kill()
        with pytest.raises(SourceError, match="its parser ended with -9"):
            reader.read(response(RSS))
        assert titles(reader.read(response(RSS))) == TITLES
        process = reader.process
    assert process is not None
    assert process.returncode == -9


def test_no_document_is_read_after_the_time_of_the_fetch() -> None:
    policy = RequestPolicy(fetch_seconds=0).for_one_fetch()
    with DocumentReader(policy) as reader, pytest.raises(SourceError, match="not read, the 0 s for one fetch are over"):
        reader.read(response(RSS))


def test_a_document_that_grows_beyond_all_bounds_is_one_line() -> None:
    levels = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10))
    doctype = f'<!DOCTYPE rss [<!ENTITY e0 "ha">{levels}]>'.encode()
    body = RSS.replace(b"<rss ", doctype + b"<rss ").replace(b"A lead.", b"&e9;")
    assert refusal(body, seconds=2)


# --- Whatever the document: items, or one line


PIECES = [
    *(b"<item>", b"</item>", b"<entry>", b"</entry>", b"<title>", b"</title>", b"<link/>", b"<pubDate>", b"</rss>"),
    *(b"&#99999999999;", b"&#x110000;", b"&nbsp;", b"&", b"<", b">", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"\x00"),
    *(b'<psc:chapter title="x"/>', b'<media:content url="x"/>', b"<georss:point>x</georss:point>", b"<gml:pos>1"),
    *(
        b"<itunes:duration>x",
        b"<dc:date>",
        b'<content type="xhtml">',
        b"<enclosure/>",
        b"<source>",
        b"\xff\xfe",
        b"\xc3",
    ),
    *(b'<content type="application/x" mode="base64">x</content>', b"<cloud/>", b"<image>", b"<textInput>", b"<guid/>"),
    *(
        b'<?xml version="1.1"?>',
        b'encoding="foo"',
        b"<!DOCTYPE x [",
        b'<!ENTITY a "b">',
        b"<author><name>",
        b"<category/>",
    ),
]
NAMESPACES = (
    b' xmlns:psc="http://podlove.org/simple-chapters" xmlns:media="http://search.yahoo.com/mrss/"'
    b' xmlns:georss="http://www.georss.org/georss" xmlns:gml="http://www.opengis.net/gml"'
    b' xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:dc="http://purl.org/dc/elements/1.1/"'
)
DOCUMENTS = [
    RSS,
    ATOM,
    RSS.replace(b"<rss ", b"<rss %s " % NAMESPACES),
    ATOM.replace(b"<feed ", b"<feed %s " % NAMESPACES),
    edgar([("ACME INC", 1, 10), ("OTHER LLC", 2, 20)]),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A document with pieces put in, cut out, or overwritten by other bytes."""
    body = draw(st.sampled_from(DOCUMENTS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(body)))
        removed = draw(st.sampled_from([0, 0, 0, 1, 3, 20, 200]))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=4))
        body = body[:start] + piece + body[start + removed :]
    return body


@pytest.fixture(scope="module")
def shared_reader() -> Iterator[DocumentReader]:
    with DocumentReader(RequestPolicy(), seconds=60) as reader:
        yield reader


@settings(max_examples=100)
@given(body=mutated())
def test_any_document_gives_items_or_one_line(shared_reader: DocumentReader, body: bytes) -> None:
    urls: list[str | None] = []
    try:
        page = read_feed(response(body), shared_reader, "rss:h", max_items=1_000)
        lines = page.losses
        urls = [headline.url for headline in page.headlines]
    except SourceError as error:
        lines = (str(error),)
    assert all("\n" not in line for line in lines)
    assert all(url is None or "planted" not in url for url in urls)


@settings(max_examples=50)
@given(number=st.integers(0, 4), wrong=st.sampled_from(PIECES), data=st.data())
def test_what_is_wrong_within_one_lead_costs_that_item_at_most(
    shared_reader: DocumentReader, number: int, wrong: bytes, data: st.DataObject
) -> None:
    if wrong in {b"<item>", b"</item>", b"<entry>", b"</entry>", b"</rss>", b"<![CDATA[", b"<!--"}:
        return  # these begin or end an item, or hide the next ones
    places = [start for start in range(len(RSS)) if RSS.startswith(b"A lead.", start)]
    start = places[number] + data.draw(st.integers(0, len(b"A lead.")))
    document = shared_reader.read(response(RSS[:start] + wrong + RSS[start:]))
    others = [title for position, title in enumerate(TITLES) if position != number]
    assert [title for title in titles(document) if title in others] == others
    assert len(document.entries) == 5 or document.losses


# --- Feeds over real sockets


def test_a_feed_of_which_a_part_can_not_be_read_is_degraded_and_says_how_many(house: Vendor) -> None:
    house.routes["/feed.xml"] = [Reply(RSS.replace(b"Title 2</title>", b"Title 2"), XML)]
    batch = RssFeed(client(house), f"{house.origin}/feed.xml").fetch(START, NOW)
    (visit,) = batch.collections
    assert (len(batch.headlines), visit.status, visit.whole_from) == (4, "degraded", None)
    assert visit.detail == "1 of 5 items can't be read (mismatched tag, line 1)"


def test_items_without_a_readable_time_are_delivered_and_counted(house: Vendor) -> None:
    body = RSS.replace(b" +0000</pubDate>", b" XYZ</pubDate>", 2)
    house.routes["/feed.xml"] = [Reply(body, XML)]
    batch = RssFeed(client(house), f"{house.origin}/feed.xml").fetch(START, NOW)
    assert [headline.published_at is None for headline in batch.headlines] == [True, True, False, False, False]
    (visit,) = batch.collections
    assert visit.status == "degraded"
    assert visit.detail == ("2 of 5 items without a readable time, such as 'Wed, 04 Mar 2026 22:20:05 XYZ'")


def test_one_symbols_broken_document_is_named_and_costs_no_other(house: Vendor) -> None:
    bodies = {"AAPL": RSS, "MSFT": RSS.replace(b"Title 2</title>", b"Title 2"), "XOM": many_attributes()}

    def answer(request: Request) -> Reply:
        return Reply(bodies[request.query["s"]], XML)

    house.routes["/rss/2.0/headline"] = answer
    # One after another, so that the long one does not take the others' time.
    patient = replace(QUICK, concurrency=1, deadline=30, fetch_seconds=6)
    http = HttpClient(patient, user_agent="t", origins={"https://feeds.finance.yahoo.com": house.origin})
    batch = YahooRss(http, ["AAPL", "MSFT", "XOM"]).fetch(START, NOW)
    (visit,) = batch.collections
    assert (len(batch.headlines), visit.status) == (9, "degraded")
    assert visit.detail.startswith("MSFT: 1 of 5 items can't be read")
    assert "XOM: 127.0.0.1/rss/2.0/headline: the document was not read within " in visit.detail


def test_a_page_of_edgar_that_fails_leaves_the_pages_before_it(house: Vendor) -> None:
    first_page = edgar([("ACME INC", 7, 10 + number / 10) for number in range(100)])

    def answer(request: Request) -> Reply:
        return Reply(first_page, XML) if request.query["start"] == "0" else Reply(b"", "", 404)

    house.routes["/cgi-bin/browse-edgar"] = answer
    batch = EdgarFilings(client(house), [Company("ACME", "Acme Inc.", cik="7")]).fetch(START, NOW)
    (visit,) = batch.collections
    assert (len(batch.headlines), visit.status) == (100, "degraded")
    assert visit.detail.startswith("page 2: 127.0.0.1/cgi-bin/browse-edgar returned HTTP 404")


def test_json_nested_beyond_reason_is_one_line() -> None:
    nested = b"[" * 200_000
    answer = Response("h.example/x", 200, {"Content-Type": "application/json"}, nested)
    with pytest.raises(RecursionError):
        json.loads(nested)
    with pytest.raises(SourceError, match="that is not JSON"):
        answer.json()


def test_a_policy_has_no_end_outside_of_a_fetch() -> None:
    assert RequestPolicy().seconds_left == math.inf
