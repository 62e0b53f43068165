"""The HTTP client over real sockets: what is retried, what never, and which responses are accepted."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from signals_pipeline.adapters.http_client.client import HttpClient
from signals_pipeline.adapters.http_client.policy import HostRateLimiter, RequestPolicy, TransientError
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline_tests.support.vendor_server import QUICK, Reply, vendor

GOOD = Reply(b'{"a": 1}')


def client(policy: RequestPolicy = QUICK, **options: object) -> HttpClient:
    return HttpClient(policy, user_agent="tests/1", **options)  # pyright: ignore[reportArgumentType]


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
def test_a_transient_error_is_retried(first: Reply) -> None:
    with vendor() as house:
        house.routes["/x"] = [first, GOOD]
        http = client()

        assert http.get(f"{house.origin}/x").json() == {"a": 1}
        assert http.requests_sent == len(house.asked("/x")) == 2
        http.close()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 426])
def test_a_refusal_is_never_retried(status: int) -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"{}", status=status), GOOD]

        assert client().get(f"{house.origin}/x").status_code == status
        assert len(house.asked("/x")) == 1


def test_after_the_last_attempt_the_error_is_one_line_without_the_query() -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"no", "text/plain", 502)]

        with pytest.raises(TransientError, match=r"^127\.0\.0\.1/x returned HTTP 502$"):
            client().get(f"{house.origin}/x?key=planted")
        assert len(house.asked("/x")) == QUICK.attempts


def test_a_requested_wait_beyond_the_maximum_ends_the_retries() -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"", "", 429, (("Retry-After", "3600"),)), GOOD]

        with pytest.raises(TransientError, match="returned HTTP 429 and asked to wait 3600 s") as refused:
            client().get(f"{house.origin}/x")
        assert refused.value.retry_after == 3600
        assert len(house.asked("/x")) == 1


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(b'{"a": 1}', cut=2), "broke off"),
        (Reply(b"x" * 400, drip=0.05), r"not complete after 0\.5 s"),
        (Reply(b"", delay=3), "ReadTimeout|TimeoutError"),
    ],
    ids=["truncated", "drip", "silence"],
)
def test_a_connection_that_stays_bad_is_one_line(reply: Reply, message: str) -> None:
    policy = RequestPolicy(attempts=1, timeout=0.3, deadline=0.5, min_interval=0)
    with vendor() as house:
        house.routes["/x"] = [reply]

        with pytest.raises(TransientError, match=message):
            client(policy).get(f"{house.origin}/x")


def test_a_closed_port_is_one_line() -> None:
    with vendor() as house:
        closed = house.origin

    with pytest.raises(TransientError, match=r"^127\.0\.0\.1/x: ConnectionRefusedError$"):
        client().get(f"{closed}/x?key=planted")


def test_a_response_that_is_too_large_is_refused() -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"x" * 2_000_000)]

        with pytest.raises(SourceError, match="exceeds 1,000 bytes"):
            client(RequestPolicy(max_bytes=1_000)).get(f"{house.origin}/x")


def test_an_invalid_address_is_one_line() -> None:
    with pytest.raises(SourceError, match="the request can't be sent"):
        client().get("http://")


def test_a_body_that_is_not_json_is_one_line() -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"<html>", "text/html", 401)]

        with pytest.raises(SourceError, match=r"HTTP 401 with text/html that is not JSON"):
            client().get(f"{house.origin}/x").json()


def test_a_server_without_a_trusted_certificate_is_an_error() -> None:
    with vendor() as house, pytest.raises((SourceError, TransientError), match="127"):
        client().get(f"{house.origin.replace('http:', 'https:')}/x")


def test_a_request_that_is_not_allowed_is_not_sent() -> None:
    def refuse() -> None:
        raise SourceError("no calls left")

    with vendor() as house:
        house.routes["/x"] = [GOOD]
        http = client(before_request=refuse)

        with pytest.raises(SourceError, match="no calls left"):
            http.get(f"{house.origin}/x")
        assert (http.requests_sent, house.requests) == (0, [])


def test_requests_carry_the_user_agent_and_go_to_the_overridden_origin() -> None:
    with vendor() as house:
        house.routes["/x"] = [GOOD]
        http = client(origins={"https://vendor.example": house.origin})

        http.get("https://vendor.example/x?q=a+b")

        (request,) = house.requests
        assert request.headers["User-Agent"] == "tests/1"
        assert request.query == {"q": "a b"}


def test_a_redirect_is_followed_with_the_cookies_that_it_sets() -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"", "", 302, (("Location", "/y"), ("Set-Cookie", "consent=yes")))]
        house.routes["/y"] = [GOOD]

        response = client().get(f"{house.origin}/x")

        assert (response.location, response.json()) == ("127.0.0.1/y", {"a": 1})
        assert house.asked("/y")[0].headers["Cookie"] == "consent=yes"


def test_no_more_requests_to_a_host_are_in_progress_than_the_policy_allows() -> None:
    with vendor() as house:
        house.routes["/x"] = [Reply(b"{}", delay=0.02)]
        policy = RequestPolicy(concurrency=3, min_interval=0.01)
        rate_limiter = HostRateLimiter(policy)
        clients = [client(policy, rate_limiter=rate_limiter) for _ in range(2)]

        with ThreadPoolExecutor(12) as pool:
            list(pool.map(lambda number: clients[number % 2].get(f"{house.origin}/x"), range(24)))

        assert len(house.requests) == 24
        assert house.most_at_once <= 3
