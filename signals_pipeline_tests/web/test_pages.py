"""The pages show what the digest shows and link to each other."""

import html
import json
import re
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from signals_pipeline.adapters.stores.engine import engine_for, write_transaction
from signals_pipeline.adapters.stores.tables import digest as digest_table
from signals_pipeline.core.digest.model import CorrectedLine
from signals_pipeline.core.news.feeds import SourceReport
from signals_pipeline.web import examples
from signals_pipeline_tests.support.digest_examples import WINDOWS, component, coverage, digest_of, signal
from signals_pipeline_tests.support.digest_pages import everything, hostile_cards
from signals_pipeline_tests.support.html_reader import Whole
from signals_pipeline_tests.support.web_site import TOLD, decide, fill, revise, site, tell

SVG = {"svg", "rect", "polygon", "polyline", "circle"}


def page(client: TestClient, path: str) -> Whole:
    answer = client.get(path)
    assert answer.status_code == 200
    return Whole(answer.text)


def test_the_archive_leads_to_every_digest_newest_first(client: TestClient) -> None:
    read = page(client, "/")
    linked = [link for link in read.links if link and link.startswith("/digests/")]
    assert linked == [f"/digests/{window.key}" for window in reversed(WINDOWS[:7])]
    assert "[backfill]" not in read.text  # said once, beside it
    assert read.text.count("backfilled") == 6
    for link in linked:
        assert client.get(link).status_code == 200


def test_a_long_archive_comes_in_pages(url: str) -> None:
    for window in WINDOWS[:43]:
        tell(url, digest_of(window))
    with site(url) as client:
        first = page(client, "/")
        older = next(str(a["href"]) for tag, a in first.tags if a.get("rel") == "next")
        second = page(client, older)
        seen = [link for each in (first, second) for link in each.links if link and link.startswith("/digests/")]
        assert seen == [f"/digests/{window.key}" for window in reversed(WINDOWS[:43])]
        assert not any(a.get("rel") == "next" for _, a in second.tags)
        assert "← Newest" in second.text


def test_an_empty_archive_says_what_to_expect(url: str) -> None:
    with site(url) as client:
        assert "No digest yet: the first run creates one." in page(client, "/").text
        assert client.get("/api/v1/digest").json() == {"detail": "No digest yet: the first run creates one."}


def test_a_digest_page_says_what_the_digest_says(url: str) -> None:
    digest = everything()
    corrected = CorrectedLine(
        symbol="AAA",
        company="Alpha",
        signal_type="BUY",
        combined_score=0.5,
        without=0.1,
        with_new=None,
        sentences=("“A title” was withdrawn.",),
        decided_at=WINDOWS[2].end,
        known_at=WINDOWS[4].end,
    )
    digest = replace(digest, corrected=(corrected,))
    tell(url, digest)
    with site(url) as client:
        read = page(client, f"/digests/{digest.window_key}")
    for card in (*digest.new, *digest.changed, *digest.from_missed):
        for said in (card.symbol, card.company, *card.sentences):
            assert " ".join(said.split()) in read.text
    for said in (digest.label, digest.market, "Still active", "Expired", "Near misses", "Corrected", "withdrawn"):
        assert said in read.text or said == "Still active"
    assert digest.coverage.line(digest.model) in read.text
    assert "Story number 4" in read.text
    assert "BUY expects a rise against the market" in read.text
    assert "lost 1.2% against the market after 1 session" in read.text
    assert "caught up" in read.text


@pytest.mark.parametrize("kind", ["quiet", "degraded"])
def test_quiet_and_degraded_days_say_so(url: str, kind: str) -> None:
    reports = (SourceReport("wire", "failed", 0, "timed out"),)
    trouble = {"status": "degraded", "reports": reports, "gap_minutes": 30, "missing_windows": (WINDOWS[2].key,)}
    digest = digest_of(TOLD, coverage=coverage(TOLD, **trouble) if kind == "degraded" else coverage(TOLD))
    tell(url, digest)
    with site(url) as client:
        text = page(client, f"/digests/{TOLD.key}").text
    assert digest.kind == kind
    if kind == "quiet":
        assert "No company passed every test" in text
        assert "Degraded" not in text
    else:
        assert "This digest may miss news: source wire failed: timed out; no run of window" in text
        assert "30 min without coverage." in text


def test_a_window_without_fetched_sources_says_so(url: str) -> None:
    tell(url, digest_of(TOLD, coverage=coverage(TOLD, status="failed", reports=())))
    with site(url) as client:
        assert "no source was fetched" in page(client, f"/digests/{TOLD.key}").text


def test_a_signal_page_says_why_and_what_became_of_it(client: TestClient) -> None:
    read = page(client, f"/signals/{TOLD.key}-AAA-BUY")
    for said in ("tone +0.70, tone confidence 0.90", "Story number 1", "Example Wire", "reported before", "RSI"):
        assert said in read.text
    assert "✗ Miss: lost 1.0% against the market after 1 session" in read.text
    assert "Not known yet: 10 sessions." in read.text
    assert "60 sessions" not in read.text  # only the closes that were known
    assert {"polyline", "polygon", "figure"} <= {tag for tag, _ in read.tags}
    assert f"/digests/{TOLD.key}" in read.links
    assert "https://news.example/1?a=1&b=2" in read.links


def test_a_signal_without_a_card_still_has_its_parts(url: str) -> None:
    fill(url)
    decide(url, WINDOWS[4], [signal("CCC", "SELL", WINDOWS[4], parts=[component("rsi", -0.5)], source="technical")])
    decide(url, WINDOWS[8], [signal("CCC", "BUY", WINDOWS[8])])
    tell(url, digest_of(WINDOWS[9]))
    decide(url, WINDOWS[9], [signal("AAA", "SELL", WINDOWS[9])])
    engine = engine_for(url)
    with write_transaction(engine) as connection:
        ours = digest_table.c.window_start == WINDOWS[9].start
        connection.execute(sa.update(digest_table).where(ours).values(content='{"version":99}'))
    engine.dispose()
    with site(url) as client:
        for name, reason in (
            (f"{WINDOWS[4].key}-CCC-SELL", "does not report this signal"),
            (f"{WINDOWS[8].key}-CCC-BUY", "does not report this signal"),
            (f"{WINDOWS[9].key}-AAA-SELL", "this server can’t read it yet"),
        ):
            read = page(client, f"/signals/{name}")
            assert reason in read.text.replace("'", "’")
            assert "Not known yet: 1, 3, 5, 10 sessions." in read.text


def test_the_record_page_has_interval_base_rate_and_calibration(url: str) -> None:
    fill(url)
    chosen = [signal(f"S{n}", window=WINDOWS[8]) for n in range(20)]
    decide(url, WINDOWS[8], chosen)
    with site(url) as client:
        text = page(client, "/record").text
    assert "Does a larger score do better?" in text
    assert "BUY signals, live: too few to judge (n = 1, 1, 1 after 1, 3, 5 sessions)" in text
    assert "0.4 to 0.51too few" in text  # neighbouring cells: one outcome of a score of 0.4


def test_pages_nest_and_load_only_files_of_their_own(url: str) -> None:
    tell(url, hostile_cards(25))
    fill(url)
    with site(url) as client:
        paths = ("/", f"/digests/{TOLD.key}", f"/signals/{TOLD.key}-AAA-BUY", "/record", "/nothing")
        for path in paths:
            text = client.get(path).text
            read = Whole(text)
            assert read.open == []
            assert not {"img", "iframe", "object", "embed", "base", "style"} & {tag for tag, _ in read.tags}
            assert not any(name.startswith("on") or name == "style" for _, a in read.tags for name in a)
            loaded = {a["href"] for tag, a in read.tags if tag == "link" and a["rel"] != "alternate"}
            charts = "/signals/" in path
            assert loaded == {"/style.css", "/icon.svg", *(["/uplot.css"] if charts else [])}
            assert read.scripts == (["/uplot.js", "/pages.js"] if charts else [])
            assert not re.search(r"url\(|@import", client.get("/style.css").text)


def test_everything_links_below_the_path_that_it_is_served_at(filled_url: str) -> None:
    with site(filled_url, signals_base_url="https://example.org/desk/") as client:
        for path in ("/desk/", f"/desk/digests/{TOLD.key}", f"/desk/signals/{TOLD.key}-AAA-BUY", "/desk/record"):
            answer = client.get(path)
            assert answer.status_code == 200
            own = [link for link in Whole(answer.text).links if link and link.startswith("/")]
            assert own
            assert all(link.startswith("/desk/") for link in own)
        assert client.get("/desk/api/v1/digest").status_code == 200
        assert client.get("/desk/api/v1/nothing").json()["detail"] == "Nothing exists at this address."


def test_a_page_that_did_not_change_is_not_sent_again(client: TestClient) -> None:
    for path in ("/", f"/digests/{TOLD.key}", f"/signals/{TOLD.key}-AAA-BUY", "/record", "/style.css", "/icon.svg"):
        etag = client.get(path).headers["etag"]
        assert client.get(path, headers={"if-none-match": etag}).status_code == 304


def test_a_digest_that_was_sent_says_that_its_window_was_run_again(url: str) -> None:
    window, told = WINDOWS[8], [signal("AAA", window=WINDOWS[8])]
    tell(url, digest_of(window, told))
    decide(url, window, told)
    revise(url, window, digest_of(window, mode="manual"))
    with site(url) as client:
        sent = page(client, f"/digests/{window.key}")
        revision = page(client, f"/digests/{window.key}/revisions/2")
        listed = client.get(f"/api/v1/digests/{window.key}/revisions").json()
        missing = client.get(f"/digests/{window.key}/revisions/3")
        none = client.get(f"/api/v1/digests/{WINDOWS[0].key}/revisions")

    assert "Run again on Fri 1 Mar 2024 07:00 ET; what was sent is kept, the new decision is revision 2." in sent.text
    assert "AAA" in sent.text
    assert "Decided after the digest of this window was sent; readers were not told this." in revision.text
    assert "Run again on" not in revision.text
    assert [(each["number"], each["mode"], each["signals"]) for each in listed["items"]] == [(2, "manual", [])]
    assert listed["items"][0]["window"] == window.key
    assert (missing.status_code, none.status_code) == (404, 404)


def test_the_api_is_described_on_a_page_without_scripts(client: TestClient) -> None:
    answer = client.get("/docs")
    described = client.get("/openapi.json").json()
    read = Whole(answer.text)
    assert read.open == []
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script" not in answer.text
    # Nothing of another host.
    assert {urlsplit(link).netloc for link in read.links if link} == {""}
    for path, methods in described["paths"].items():
        assert f"GET {path}" in read.text
        assert methods["get"]["description"].split("\n")[0].replace("`", "") in read.text
    for words in (
        "BUY or SELL; may be repeated",
        "a day, such as 2015-02-02",
        "a number from 1 to 200",
        "422: A parameter",
    ):
        assert words in read.text
    # The first example is whole and keeps its indentation.
    example = html.unescape(re.findall("<pre[^>]*>\n(.*?)</pre>", answer.text, re.DOTALL)[0])
    assert json.loads(example) == examples.DIGEST
    assert '\n  "window": ' in example
