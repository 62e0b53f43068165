"""The API returns what is stored: the newest digest, any other, signals with outcomes, the track record."""

import csv
import io
import json
from http.client import IncompleteRead
from urllib.request import urlopen

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from signals_pipeline.adapters.stores.engine import engine_for, write_transaction
from signals_pipeline.adapters.stores.outcomes import OutcomeRepository
from signals_pipeline.adapters.stores.signal_history import SignalHistory
from signals_pipeline.adapters.stores.signals import PAGE_SIZE
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.tables import SIGNAL_HISTORY
from signals_pipeline.web import digest_schemas
from signals_pipeline.web.app import create_app
from signals_pipeline_tests.support.digest_examples import WINDOWS, digest_of, outcome_rows, signal
from signals_pipeline_tests.support.digest_pages import everything
from signals_pipeline_tests.support.history_builders import run_with
from signals_pipeline_tests.support.html_reader import Page
from signals_pipeline_tests.support.web_server import served
from signals_pipeline_tests.support.web_site import (
    NOW,
    TOLD,
    add_prices,
    decide,
    fill,
    record_origins,
    settings_of,
    site,
    tell,
)


def test_the_newest_digest_has_items_with_contributions_that_sum_to_the_score(client: TestClient) -> None:
    answer = client.get("/api/v1/digest").json()
    (item,) = answer["items"]
    assert answer["window"] == TOLD.key
    assert (item["symbol"], item["signal_type"], item["source"]) == ("AAA", "BUY", "news_driven_ml")
    assert item["metadata"]["ml_confidence"] == item["confidence_score"] == 0.9
    assert item["news_title"] == "Story number 1 lifts its company"
    assert sum(part["contribution"] for part in item["contributions"]) == pytest.approx(item["combined_score"])
    assert item["id"] == f"{TOLD.key}-AAA-BUY"
    assert [each["symbol"] for each in answer["still_active"]] == ["BBB"]


def test_a_window_is_asked_for_by_its_key(client: TestClient) -> None:
    answer = client.get("/api/v1/digest", params={"window": WINDOWS[1].key}).json()
    assert (answer["window"], answer["items"], answer["mode"]) == (WINDOWS[1].key, [], "backfill")


def test_the_answer_has_every_field_of_the_stored_digest(url: str) -> None:
    digest = everything()
    tell(url, digest)
    with site(url) as client:
        answer = client.get("/api/v1/digest").json()
    stored = json.loads(digest.to_json())
    for name in ("funnel", "knobs", "notes", "market", "model", "label", "kind", "subject"):
        assert answer[name] == stored[name]
    for name in ("still_active", "expired", "near_misses", "record"):
        for told, kept in zip(answer[name], stored[name], strict=True):
            shared = set(told) - {"decided_at", "expires_at"}
            assert {key: told[key] for key in shared} == {key: kept[key] for key in shared}
    sections = [item["section"] for item in answer["items"]]
    assert sections == ["new", "changed", "from_missed"]
    assert [item["id"][:16] for item in answer["items"]] == [digest.window_key, digest.window_key, WINDOWS[5].key]
    otherwise = {"version", "preheader", "window_key", "new", "changed", "from_missed"}
    assert set(Digest.__dataclass_fields__) - otherwise <= set(digest_schemas.DigestResponse.model_fields)


def test_a_changed_digest_is_returned_at_once_with_another_etag(url: str) -> None:
    with site(url) as client:
        assert client.get("/api/v1/digest").status_code == 404
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json() == {"status": "ok", "newest": None}
        first = tell(url, digest_of(TOLD))
        before = client.get("/api/v1/digest")
        second = tell(url, digest_of(TOLD, [signal("AAA", window=TOLD)]))
        after = client.get("/api/v1/digest")
        assert client.get("/readyz").json() == {"status": "ok", "newest": TOLD.key}
    assert (before.headers["etag"], after.headers["etag"]) == (f'"{first.sha256}"', f'"{second.sha256}"')
    assert (len(before.json()["items"]), len(after.json()["items"])) == (0, 1)


@pytest.mark.parametrize("given", ['"{}"', 'W/"{}"', '"x", "{}"', "*"])
def test_a_known_etag_is_answered_without_a_body(client: TestClient, given: str) -> None:
    etag = client.get("/api/v1/digest").headers["etag"].strip('"')
    again = client.get("/api/v1/digest", headers={"if-none-match": given.format(etag)})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == f'"{etag}"'
    assert client.get("/api/v1/digest", headers={"if-none-match": f'"{etag[:-1]}"'}).status_code == 200


def test_the_archive_comes_in_pages_without_gap_or_repeat(client: TestClient) -> None:
    whole = client.get("/api/v1/digests").json()
    assert [each["window"] for each in whole["items"]] == [window.key for window in reversed(WINDOWS[:7])]
    assert whole["next"] is None
    seen, before = [], {}
    while True:
        page = client.get("/api/v1/digests", params={"limit": 3, **before}).json()
        seen += page["items"]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert seen == whole["items"]


def test_signals_come_in_pages_with_their_outcomes(client: TestClient) -> None:
    first = client.get("/api/v1/signals", params={"limit": 1}).json()
    second = client.get("/api/v1/signals", params={"limit": 1, "after": first["next"]}).json()
    assert [page["items"][0]["symbol"] for page in (first, second)] == ["AAA", "BBB"]
    assert second["next"] is None
    assert [each["horizon"] for each in first["items"][0]["outcomes"]] == [1, 3, 5]
    assert [part["kind"] for part in first["items"][0]["contributions"]] == ["story", "story", "technical", "technical"]
    one = client.get(f"/api/v1/signals/{first['items'][0]['id']}")
    assert one.json() == first["items"][0]
    only = client.get("/api/v1/signals", params={"symbol": "BBB", "signal_type": "SELL"}).json()
    assert [each["symbol"] for each in only["items"]] == ["BBB"]
    assert client.get("/api/v1/signals", params={"symbol": "BBB", "signal_type": "BUY"}).json()["items"] == []


def test_filters_combine_and_symbols_may_be_written_in_any_case(client: TestClient) -> None:
    def symbols(**asked: int | str | list[str]) -> list[str]:
        answer = client.get("/api/v1/signals", params=asked)
        assert answer.status_code == 200, answer.text
        return [each["symbol"] for each in answer.json()["items"]]

    # BBB was decided on 9 January and AAA on 11 January, both at 17:30, both live and new, without an event type.
    assert symbols(symbol="bbb") == symbols(symbol=["bBb", "ZZZ"]) == ["BBB"]
    assert symbols(**{"from": "2024-01-11"}) == symbols(**{"from": "2024-01-11", "to": "2024-01-11"}) == ["AAA"]
    assert symbols(to="2024-01-10") == ["BBB"]
    assert symbols(**{"from": "2024-01-12"}) == []
    assert symbols(mode="live", lifecycle=["new", "flipped"], signal_type=["BUY", "SELL"]) == ["AAA", "BBB"]
    assert symbols(mode="live", lifecycle="new", signal_type="SELL", symbol="aaa") == []
    assert symbols(event="results") == symbols(mode="manual") == []
    lower, upper = (client.get(f"/api/v1/signals/{TOLD.key}-{name}-BUY") for name in ("aaa", "AAA"))
    assert lower.json() == upper.json()
    # A page of a filtered list is followed by the next one of the same list.
    first = client.get("/api/v1/signals", params={"limit": 1, "mode": "live"}).json()
    assert symbols(limit=1, mode="live", after=first["next"].replace("AAA", "aaa")) == ["BBB"]


def test_the_table_has_the_signals_of_the_list(client: TestClient) -> None:
    answer = client.get("/api/v1/signals.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="signals.csv"'
    assert list(rows[0]) == SIGNAL_HISTORY.names
    listed = client.get("/api/v1/signals").json()["items"]
    assert [(row["symbol"], float(row["combined_score"])) for row in rows] == [
        (each["symbol"], each["combined_score"]) for each in listed
    ]
    for outcome in listed[0]["outcomes"]:
        assert float(rows[0][f"net_return_{outcome['horizon']}"]) == outcome["net_return"]
        assert rows[0][f"known_at_{outcome['horizon']}"] == outcome["known_at"]
    assert json.loads(rows[0]["contributions"])[0]["story_id"] == listed[0]["contributions"][0]["story_id"]
    assert rows[1]["net_return_5"] == ""
    asked = {"symbol": "bbb", "signal_type": "SELL", "from": "2024-01-09", "mode": "live"}
    [row] = csv.DictReader(io.StringIO(client.get("/api/v1/signals.csv", params=asked).text, newline=""))
    assert row["symbol"] == "BBB"
    assert client.get("/api/v1/signals.csv", params={"symbol": "ZZZ"}).text.count("\n") == 1


def test_texts_from_outside_are_plain_in_the_table_and_no_formula(url: str) -> None:
    titles = ["\u202e=cmd|' /C calc'!A0", "+1\r\n2", "@SUM(A1)", "-2 today", "it's", "\x1b[2J"]
    named = [
        signal(f"S{number}", window=TOLD, news_title=title, news_url="javascript:alert(1)")
        for number, title in enumerate(titles)
    ]
    decide(url, TOLD, named)
    with site(url) as client:
        text = client.get("/api/v1/signals.csv").text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["news_title"] for row in rows] == [
        "'=cmd|' /C calc'!A0",
        "'+1 2",
        "'@SUM(A1)",
        "'-2 today",
        "it's",
        "[2J",
    ]
    assert {row["news_url"] for row in rows} == {""}


def test_a_table_that_breaks_off_is_not_taken_for_a_whole_one(url: str) -> None:
    # Two pages of rows, and a damaged one on the second.
    symbols = [f"S{number:03}" for number in range(PAGE_SIZE + 1)]
    engine = engine_for(url)
    many = [signal(symbol, window=TOLD).candidate for symbol in symbols]
    SignalHistory(engine).record_window(TOLD, many, run_with(most=len(many)))
    with write_transaction(engine) as connection:
        damage = "UPDATE signal_history SET expires_at = 'never' WHERE symbol = :symbol"
        connection.execute(sa.text(damage), {"symbol": symbols[-1]})
    engine.dispose()
    with served(url) as address, urlopen(f"{address}/api/v1/signals.csv") as answer:  # noqa: S310 - our own
        assert answer.status == 200
        with pytest.raises(IncompleteRead) as broken_off:
            answer.read()
    assert broken_off.value.partial.count(b"\n") == PAGE_SIZE + 1


def test_a_page_of_signals_has_an_etag_that_changes_with_a_signal_or_an_outcome(url: str) -> None:
    fill(url)
    engine = engine_for(url)
    with site(url) as client:
        first = client.get("/api/v1/signals")
        etag = first.headers["etag"]
        known = client.get("/api/v1/signals", headers={"if-none-match": etag})

        decide(url, WINDOWS[3], [signal("CCC", window=WINDOWS[3])])
        with_signal = client.get("/api/v1/signals", headers={"if-none-match": etag})
        rows = outcome_rows(1, symbol="CCC", window_start=WINDOWS[3].start, decided_at=WINDOWS[3].end)
        OutcomeRepository(engine).upsert(rows[rows["horizon"] == 1])
        with_outcome = client.get("/api/v1/signals", headers={"if-none-match": with_signal.headers["etag"]})
    engine.dispose()

    assert (known.status_code, known.content) == (304, b"")
    assert [each["symbol"] for each in with_signal.json()["items"]] == ["AAA", "CCC", "BBB"]
    assert [len(each["outcomes"]) for each in with_outcome.json()["items"]] == [3, 1, 0]


def test_pages_of_signals_are_cached_by_query_in_bounded_memory(filled_url: str) -> None:
    # With a clock that stands still nothing is loaded again: what differs, differs by its query.
    app = create_app(settings_of(filled_url), now=lambda: NOW, seconds=lambda: 0.0)
    with TestClient(app) as client:
        asked = [{"limit": limit, **only} for limit in range(1, 25) for only in ({}, {"symbol": "BBB"})]
        first = [client.get("/api/v1/signals", params=query).json() for query in asked]
        pages = [client.get("/api/v1/signals", params=query).json() for query in asked]
    assert pages == first
    assert [[each["symbol"] for each in page["items"]] for page in pages] == [
        ["AAA"],
        ["BBB"],
        *[["AAA", "BBB"], ["BBB"]] * 23,
    ]


def test_the_record_keeps_live_and_backfilled_apart(client: TestClient) -> None:
    answer = client.get("/api/v1/record").json()
    [live] = answer["current"]
    assert (live["provenance"], live["generator"], live["model"]) == ("live", "news_driven_ml", "compact @1")
    assert {line["label"] for line in live["lines"]} == {"All signals, live", "BUY signals, live"}
    assert {line["n"] for line in live["lines"] if line["horizon"] < 10} == {1}
    assert [line["n"] for line in live["by_score"]] == [1]
    assert len(live["correlations"]) == 4
    assert answer["others"] == []


def test_the_record_adds_up_neither_generators_nor_models_nor_live_and_backfilled(url: str) -> None:
    record_origins(url)
    with site(url) as client:
        answer = client.get("/api/v1/record").json()
        page = Page(client.get("/record").text).text

    counts = {
        section: [(each["provenance"], each["model"], each["by_score"][0]["n"]) for each in answer[section]]
        for section in ("current", "others")
    }
    assert counts == {
        "current": [("live", "compact @1", 2), ("backfilled", "compact @1", 1)],
        "others": [("live", "none: technical generator", 2), ("backfilled", "finbert @2", 2)],
    }
    assert {each["lines"][0]["n"] for each in answer["current"]} == {1, 2}
    assert "Other generators and models" in page
    assert page.index("Live, compact @1") < page.index("live, technical generator") < page.index("finbert @2")


def test_an_empty_record_says_so(url: str) -> None:
    with site(url) as client:
        answer = client.get("/api/v1/record").json()
        page = client.get("/record").text
    assert answer["newest"] is None
    assert answer["current"] == answer["others"] == []
    assert "No live record yet." in page
    assert "No reader feedback yet." in page


def test_the_api_reads_both_databases_and_can_write_neither(database_url: str) -> None:
    fill(database_url)
    add_prices(database_url)
    with site(database_url, signals_web_database_url=database_url, signals_deployment="local") as client:
        answers = ("digest", "digests", "signals", "signals.csv", "signals.parquet", "record")
        lookups = (f"/digests/{TOLD.key}", f"/signals/{TOLD.key}-AAA-BUY", "/signals?event=results", "/companies")
        for path in (*(f"/api/v1/{name}" for name in answers), "/readyz", "/record", *lookups):
            assert client.get(path).status_code == 200, path
        assert "Price and signals" in client.get("/companies/AAA").text
        decide(database_url, WINDOWS[3], [signal("CCC", window=WINDOWS[3])])
        assert len(client.get("/api/v1/signals").json()["items"]) == 3


def test_head_is_answered_as_get(client: TestClient) -> None:
    assert client.head("/api/v1/digest").headers["etag"] == client.get("/api/v1/digest").headers["etag"]
