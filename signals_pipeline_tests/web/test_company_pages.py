"""Pages to look things up: search, a company, filters, neighbours of a digest, glossary; in words that readers know."""

import html
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from signals_pipeline.core.digest.glossary import ANCHORS, GLOSSARY
from signals_pipeline.core.linking.gazetteer import Gazetteer
from signals_pipeline.core.watchlist import Company, Watchlist
from signals_pipeline.web import page_prices
from signals_pipeline.web.companies import CompanyDirectory, search
from signals_pipeline_tests.support.digest_examples import WINDOWS, signal
from signals_pipeline_tests.support.html_reader import Whole
from signals_pipeline_tests.support.web_site import (
    ENTRY,
    NOW,
    SESSIONS,
    TOLD,
    WATCHLIST,
    add_prices,
    decide,
    fill,
    site,
)

OpenSite = Callable[[], AbstractContextManager[TestClient]]


def page(client: TestClient, path: str, status: int = 200) -> Whole:
    answer = client.get(path)
    assert answer.status_code == status, path
    return Whole(answer.text)


@pytest.fixture
def open_site(url: str, tmp_path: Path) -> OpenSite:
    """A site with a watchlist and stored bars, over the rows of `fill`."""
    fill(url)
    add_prices(url)
    watchlist = tmp_path / "watchlist.yaml"
    watchlist.write_text(WATCHLIST)
    return lambda: site(url, signals_deployment="local", signals_watchlist=watchlist)


def test_companies_are_found_by_symbol_and_by_name(open_site: OpenSite) -> None:
    with open_site() as client:
        every = page(client, "/companies")
        assert [a["data-company"] for _, a in every.tags if "data-company" in a] == [
            "AAA Alpha Industries",
            "BBB BBB",
            "DDD Delta & Sons",
        ]
        for query in ("ddd", "delta", "SONS", "d", "  del   sons "):
            found = page(client, f"/companies?q={query}")
            assert [a["data-company"] for _, a in found.tags if "data-company" in a] == ["DDD Delta & Sons"], query
        none = page(client, "/companies?q=%3Cb%3Ezzz")
        assert "0 of 3 companies match “<b>zzz”" in none.text
        assert not any("hidden" in a for _, a in none.tags if a.get("id") == "no-company")
        assert client.get(f"/companies?q={'x' * 101}").status_code == 422


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=30))
def test_a_search_finds_a_company_by_its_name_and_never_fails(name: str, other: str, query: str) -> None:
    visible = "".join(character for character in name if character.isprintable())
    watchlist = Watchlist((Company("AAA", visible), Company("BBB", "Other")))
    entries = CompanyDirectory(watchlist, Gazetteer()).entries([])
    assert {entry.symbol for entry in search(entries, visible)} >= {"AAA"}
    assert [entry.symbol for entry in search(entries, "bbb")][:1] == ["BBB"]
    found = search(entries, query + other)
    assert all(entry in entries for entry in found)


def test_a_company_has_its_signals_outcomes_tone_and_prices(
    open_site: OpenSite,
) -> None:
    with open_site() as client:
        read = page(client, "/companies/aaa")
        assert "Alpha Industries AAA" in read.text
        assert f"/signals/{TOLD.key}-AAA-BUY" in read.links
        assert "✓ gained 5.0% against the market after 10 sessions" in read.text
        charts = [a for tag, a in read.tags if tag == "figure"]
        assert len(charts) == 1
        assert '"BUY"' in str(charts[0]["data-chart"])
        assert "Tone at each of the newest 1 signals" in " ".join(str(a.get("aria-label")) for _, a in read.tags)
        assert "+0.70" in read.text
        followed = page(client, "/companies/DDD")
        assert "No signal yet." in followed.text
        assert "Energy" in followed.text
        left = page(client, "/companies/BBB")
        assert "no longer followed" in left.text
        assert "No company ZZZ is followed" in page(client, "/companies/ZZZ", 404).text
        for path in ("/companies/AAA", "/companies", "/signals", "/glossary"):
            etag = client.get(path).headers["etag"]
            assert client.get(path, headers={"if-none-match": etag}).status_code == 304


def test_the_line_goes_on_after_the_decision_in_traded_prices_and_not_beyond_now(
    open_site: OpenSite,
) -> None:
    with open_site() as client:
        read = page(client, f"/signals/{TOLD.key}-AAA-BUY")
    [figure] = [a for tag, a in read.tags if tag == "figure"]
    chart = html.unescape(str(figure["data-chart"]))
    days = re.findall(r"\d{4}-\d{2}-\d{2}", chart)
    # NOW is 12:00 UTC on 1 March: that day's session has not closed.
    assert days[-1] == "2024-02-29"
    assert "Price before and after the decision" in read.text
    assert "The digest did not know these later prices." in read.text
    # Before the split 201 + n was paid, which is quoted as half of it today.
    [values] = re.findall(r'"values": \[([^]]*)\]', chart)
    first = SESSIONS.dates.tolist().index(date.fromisoformat(days[0]))
    assert [float(value) for value in values.split(",")] == [(201.0 + first + n) / 2 for n in range(len(days))]
    # The outcome's prices are traded ones as well, and its return is the stored one.
    entry, last = (200.0 + ENTRY) / 2, (201.0 + ENTRY + 9) / 2
    assert f" {entry:,.2f} to close" in read.text
    assert f" {last:,.2f} " in read.text
    assert "gained 5.0% against the market after 10 sessions" in read.text


def test_without_stored_bars_the_digests_prices_remain_and_outcomes_say_that_they_are_adjusted(
    client: TestClient,
) -> None:
    read = page(client, f"/signals/{TOLD.key}-AAA-BUY")
    assert "Price before the decision" in read.text
    assert "After the decision" not in read.text
    assert "100.00 to close" in read.text
    assert "(adjusted)" in read.text


def test_prices_that_can_not_be_read_are_named_in_the_log_and_the_page_stays(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(url)
    with site(url, signals_prices_path=tmp_path / "missing.csv") as client:
        read = page(client, "/companies/AAA")
    assert page_prices.UNREADABLE_PRICES in read.text
    assert f"/signals/{TOLD.key}-AAA-BUY" in read.links
    assert "missing.csv" in caplog.text


def test_signals_are_filtered_by_a_form_that_may_have_empty_fields(url: str) -> None:
    fill(url)
    for window in WINDOWS[8:11]:
        decide(url, window, [signal(f"S{window.start:%d%H}{n:02d}", window=window, event="results") for n in range(20)])
    with site(url) as client:
        every = page(client, "/signals?symbol=&from=&to=&signal_type=&lifecycle=&event=")
        assert "All signals" in every.text
        sells = page(client, "/signals?signal_type=SELL&symbol=%20")
        assert [link for link in sells.links if link and link.startswith("/signals/")] == [
            f"/signals/{WINDOWS[2].key}-BBB-SELL"
        ]
        assert "Signals: SELL" in sells.text
        results = page(client, "/signals?event=results&lifecycle=new")
        assert "Signals: new, results" in results.text
        # Every page of a filtered list has the same filter.
        seen: list[str | None] = []
        following: str | None = "/signals?event=results"
        while following:
            read = page(client, following)
            seen += [link for link in read.links if link and re.match(r"/signals/.*-S\d+-BUY", link)]
            following = next((a["href"] for _, a in read.tags if a.get("rel") == "next"), None)
        assert len(seen) == len(set(seen)) == 60
        assert "No signal matches." in page(client, f"/signals?from={NOW.date()}&symbol=aaa").text
        wrong = page(client, "/signals?event=nothing", 422)
        assert "event: input should be 'results'" in wrong.text
        assert "from: give a day" in page(client, "/signals?from=31.12.2024", 422).text


FILTERS = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from(["", "aaa", "BBB", "ZZZ"]),
        "signal_type": st.sampled_from(["", "BUY", "SELL"]),
        "lifecycle": st.sampled_from(["", "new", "flipped"]),
        "event": st.sampled_from(["", "results"]),
        "from": st.sampled_from(["", "2024-01-09", "2024-01-12"]),
        "to": st.sampled_from(["", "2024-01-12", "2024-02-01"]),
    }
)


@settings(max_examples=25, deadline=None)
@given(FILTERS)
def test_a_page_lists_what_the_api_lists_for_the_same_filter(client: TestClient, filters: dict[str, str]) -> None:
    given = {name: value for name, value in filters.items() if value}
    expected = [item["id"] for item in client.get("/api/v1/signals", params=given).json()["items"]]
    answer = client.get("/signals", params=filters)
    linked = [link.removeprefix("/signals/") for link in Whole(answer.text).links if link and "/signals/20" in link]
    assert (answer.status_code, linked) == (200, expected)


def test_the_table_of_a_list_has_the_same_signals_as_parquet(client: TestClient, tmp_path: Path) -> None:
    read = page(client, "/signals?signal_type=SELL")
    [address] = [link for link in read.links if link and "parquet" in link]
    answer = client.get(address)
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    (tmp_path / "signals.parquet").write_bytes(answer.content)
    table = pq.read_table(tmp_path / "signals.parquet")
    assert table.column("symbol").to_pylist() == ["BBB"]


def test_a_digest_leads_to_the_one_before_and_the_one_after(client: TestClient) -> None:
    path, seen = f"/digests/{WINDOWS[0].key}", []
    while path:
        read = page(client, path)
        seen.append(path)
        # At the beginning and at the end of the page.
        before = {a["href"] for _, a in read.tags if a.get("rel") == "prev"}
        assert before == ({seen[-2]} if len(seen) > 1 else set())
        path = next((str(a["href"]) for _, a in read.tags if a.get("rel") == "next"), "")
    assert seen == [f"/digests/{window.key}" for window in WINDOWS[:7]]


def test_every_word_that_is_linked_is_in_the_glossary(client: TestClient) -> None:
    glossary = page(client, "/glossary")
    assert {a["id"] for tag, a in glossary.tags if tag == "div" and "id" in a} == ANCHORS
    assert all(term.meaning in glossary.text for topic in GLOSSARY for term in topic.terms)
    for path in (f"/digests/{TOLD.key}", f"/signals/{TOLD.key}-AAA-BUY", "/record", "/companies/AAA", "/signals"):
        terms = [link.partition("#")[2] for link in page(client, path).links if link and "/glossary#" in link]
        assert terms, path
        assert set(terms) <= ANCHORS


def test_no_page_shows_backticks_or_commands(client: TestClient) -> None:
    waiting, seen = ["/", "/docs", "/nowhere"], set[str]()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = client.get(path)
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        read = Whole(answer.text)
        assert "`" not in read.text, path
        assert not re.search(r"\bsignals (run|web|migrate|mail|publish|export|prices|news|compose)\b", read.text), path
        own = {link.partition("#")[0] for link in read.links if link and link.startswith("/")}
        waiting.extend(own - seen - set(waiting))
    assert len(seen) > 20
