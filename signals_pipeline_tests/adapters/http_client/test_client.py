"""HTTP with manners over real sockets: what is tried again, what never, and what of an answer is taken."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.http_client.client import HttpClient, moved, place
from signals_pipeline.adapters.http_client.policy import HostRateLimiter, RequestPolicy, TransientError, retry_after
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline_tests.support.vendors import QUICK, Reply, vendor

GOOD = Reply(b'{"a": 1}')


def client(manners: RequestPolicy = QUICK, **options: object) -> HttpClient:
    return HttpClient(manners, user_agent="tests/1", **options)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "first",
    [
        Reply(b"<html>", "text/html", 500),
        Reply(b"", "", 503),
        Reply(b"{}", status=429),
        Reply(b"{}", status=429, headers=(("Retry-After", "0"),)),
        Reply(b'{"a": 1}', cut=3),
        Reply(b'{"a": 1}' * 50, drip=0.05),
    ],
    ids=["500", "503", "429", "429-retry-after", "truncated", "drip"],
)
def test_what_may_pass_is_asked_again(first: Reply) -> None:
    with vendor() as house:
        house.routes["/x"] = [first, GOOD]
        http = client()
        assert http.get(f"{house.origin}/x").json() == {"a": 1}
        assert http.calls == len(house.asked("/x")) == 2
        http.close()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 426])
def test_a_refusal_is_never_asked_again(status: int) -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"{}", status=status), GOOD]
        assert client().get(f"{house.origin}/x").status_code == status
        assert len(house.asked("/x")) == 1


def test_patience_ends_with_one_line_that_holds_no_query() -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"no", "text/plain", 502)]
        with pytest.raises(TransientError, match=r"^127\.0\.0\.1/x answers HTTP 502$"):
            client().get(f"{house.origin}/x?key=planted")
        assert len(house.asked("/x")) == QUICK.attempts


def test_a_rest_longer_than_the_limit_is_not_waited_for() -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"", "", 429, (("Retry-After", "3600"),)), GOOD]
        with pytest.raises(TransientError, match="HTTP 429, wants 3600 s of rest") as refused:
            client().get(f"{house.origin}/x")
        assert refused.value.retry_after == 3600
        assert len(house.asked("/x")) == 1


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(b'{"a": 1}', cut=2), "broke off"),
        (Reply(b"x" * 400, drip=0.05), r"not done after 0\.5 s"),
        (Reply(b"", delay=3), "ReadTimeout|TimeoutError"),
    ],
    ids=["truncated", "drip", "silence"],
)
def test_a_connection_that_stays_bad_is_one_line(reply: Reply, said: str) -> None:
    patient = RequestPolicy(attempts=1, timeout=0.3, deadline=0.5, spacing=0)
    with vendor() as house:
        house.routes["/x"] = [reply]
        with pytest.raises(TransientError, match=said):
            client(patient).get(f"{house.origin}/x")


def test_nobody_listening_is_one_line() -> None:
    with vendor() as house:
        gone = house.origin
    with pytest.raises(TransientError, match=r"^127\.0\.0\.1/x: ConnectionRefusedError$"):
        client().get(f"{gone}/x?key=planted")


def test_an_answer_without_end_is_refused() -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"x" * 2_000_000)]
        with pytest.raises(SourceError, match="more than 1,000 bytes"):
            client(RequestPolicy(largest=1_000)).get(f"{house.origin}/x")


def test_an_address_that_is_none_and_a_body_that_is_no_json_are_one_line() -> None:
    with pytest.raises(SourceError, match="can't be asked"):
        client().get("http://")
    with vendor() as house:
        house.routes["/x"] = [Reply(b"<html>", "text/html", 401)]
        with pytest.raises(SourceError, match=r"HTTP 401 with text/html that is not JSON"):
            client().get(f"{house.origin}/x").json()


def test_a_server_without_a_certificate_we_trust_is_not_asked_again() -> None:
    with vendor() as house, pytest.raises((SourceError, TransientError), match="127"):
        client().get(f"{house.origin.replace('http:', 'https:')}/x")


def test_a_call_that_is_not_allowed_is_not_made() -> None:
    def refuse() -> None:
        raise SourceError("no calls left")

    with vendor() as house:
        house.routes["/x"] = [GOOD]
        http = client(before_call=refuse)
        with pytest.raises(SourceError, match="no calls left"):
            http.get(f"{house.origin}/x")
        assert (http.calls, house.requests) == (0, [])


def test_it_says_who_is_calling_and_goes_where_it_is_sent() -> None:
    with vendor() as house:
        house.routes["/x"] = [GOOD]
        http = client(origins={"https://vendor.example": house.origin})
        http.get("https://vendor.example/x", params={"q": "a b"})
        (request,) = house.requests
        assert request.headers["User-Agent"] == "tests/1"
        assert request.query == {"q": "a b"}


def test_no_more_calls_are_under_way_to_a_host_than_the_manners_allow() -> None:
    from concurrent.futures import ThreadPoolExecutor

    with vendor() as house:
        house.routes["/x"] = [Reply(b"{}", delay=0.02)]
        manners = RequestPolicy(at_once=3, spacing=0.01)
        doors = HostRateLimiter(manners)
        pair = [client(manners, doors=doors) for _ in range(2)]
        with ThreadPoolExecutor(12) as pool:
            list(pool.map(lambda at: pair[at % 2].get(f"{house.origin}/x"), range(24)))
        assert len(house.requests) == 24
        assert house.most_at_once <= 3


@given(st.integers(0, 10_000))
def test_a_rest_in_seconds_is_read(seconds: int) -> None:
    assert retry_after(f" {seconds} ") == seconds


@given(st.text(max_size=12))
def test_any_other_rest_is_none_or_not_negative(text: str) -> None:
    found = retry_after(text)
    assert found is None or found >= 0


def test_a_rest_until_a_date_is_read() -> None:
    later = retry_after(format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True))
    assert later is not None
    assert 290 < later <= 300
    assert retry_after(format_datetime(datetime(2020, 1, 1), usegmt=False)) == 0  # noqa: DTZ001  # no zone: UTC


def test_only_named_origins_move_and_places_hide_the_query() -> None:
    assert moved("https://a.example/x?y", {"https://a.example": "http://b"}) == "http://b/x?y"
    assert moved("https://a.example.evil/x", {"https://a.example": "http://b"}) == "https://a.example.evil/x"
    assert place("https://user:secret@a.example/x?token=secret#secret") == "a.example/x"
