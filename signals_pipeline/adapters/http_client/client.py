"""Answers over HTTP, read whole or refused: manners, deadlines, size, origin, nothing of a query string in messages."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from signals_pipeline.adapters.http_client.policy import (
    HostRateLimiter,
    RequestPolicy,
    TransientError,
    raise_if_transient,
)
from signals_pipeline.core.news.feeds import SourceError

if TYPE_CHECKING:
    import requests
    from requests.auth import AuthBase

_PIECE = 65_536


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer with a status that won't pass by itself: 2xx, or 4xx other than 429.

    Attributes:
        where: Host and path, for messages.
        status_code: HTTP status.
        headers: Headers; names in any case.
        body: Decoded bytes.
    """

    where: str
    status_code: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """The media type alone, in lower case; empty where none is given."""
        return self.headers.get("Content-Type", "").split(";")[0].strip().lower()

    def json(self) -> Any:  # noqa: ANN401
        """The body as JSON.

        Raises:
            SourceError: it is none.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            kind = self.content_type or "no content type"
            raise SourceError(f"{self.where} answers HTTP {self.status_code} with {kind} that is not JSON") from error


class HttpClient:
    """A `requests` session that is polite to each host and reads whole answers.

    Attributes:
        manners: Politeness and patience.
        calls: Calls made so far.
    """

    def __init__(
        self,
        manners: RequestPolicy,
        *,
        user_agent: str,
        doors: HostRateLimiter | None = None,
        origins: Mapping[str, str] | None = None,
        before_call: Callable[[], None] = lambda: None,
    ) -> None:
        """Open a session.

        Args:
            manners: Politeness and patience.
            user_agent: Who is calling.
            doors: Shared with other clients, so that they are polite together; None: doors of its own.
            origins: Other places for some origins: `{"https://newsapi.org": "http://127.0.0.1:8000"}`.
            before_call: Asked before every call, repeated ones too; it may refuse by raising `SourceError`.
        """
        import requests
        from requests.adapters import HTTPAdapter

        self.manners = manners
        self.calls = 0
        self._lock = Lock()
        self._doors = doors or HostRateLimiter(manners)
        self._origins = dict(origins or {})
        self._before_call = before_call
        self._session = requests.Session()
        self._session.headers["User-Agent"] = user_agent
        adapter = HTTPAdapter(pool_maxsize=manners.at_once)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

    def get(self, url: str, params: Mapping[str, Any] | None = None, auth: "AuthBase | None" = None) -> Response:
        """The answer to a GET.

        Raises:
            PassingError: no answer after all attempts: timeouts, broken connections, 429, 5xx.
            SourceError: the call was refused, the URL can't be asked, or the answer is too large.
        """
        target = moved(url, self._origins)
        return self.manners.call_with_retry(lambda: self._once(target, params, auth))

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def _once(self, url: str, params: Mapping[str, Any] | None, auth: "AuthBase | None") -> Response:
        import requests

        where = place(url)
        with self._doors.through(urlsplit(url).netloc):
            self._before_call()
            with self._lock:
                self.calls += 1
            began = monotonic()
            try:
                with self._session.get(
                    url, params=params, auth=auth, stream=True, timeout=self.manners.timeout
                ) as response:
                    raise_if_transient(where, response.status_code, response.headers)
                    body = self._body(response, where, began)
            except requests.exceptions.SSLError as error:
                raise SourceError(f"{where}: no secure connection; check the certificate and the clock") from error
            except (requests.ConnectionError, requests.Timeout) as error:
                raise TransientError(f"{where}: {said(error)}") from error
            except requests.RequestException as error:
                raise SourceError(f"{where}: can't be asked ({said(error)})") from error
        return Response(where, response.status_code, response.headers, body)

    def _body(self, response: "requests.Response", where: str, began: float) -> bytes:
        """All bytes, piece by piece as they come, so that a slow drip meets the deadline."""
        import urllib3

        pieces, size = [], 0
        try:
            while piece := response.raw.read1(_PIECE, decode_content=True):
                pieces.append(piece)
                size += len(piece)
                if size > self.manners.largest:
                    raise SourceError(f"{where}: more than {self.manners.largest:,} bytes; is this the right address?")
                if monotonic() - began > self.manners.deadline:
                    raise TransientError(f"{where}: not done after {self.manners.deadline:g} s")
        except urllib3.exceptions.HTTPError as error:
            raise TransientError(f"{where}: the answer broke off ({said(error)})") from error
        return b"".join(pieces)


def moved(url: str, origins: Mapping[str, str]) -> str:
    """The URL at another origin where one is given for its own."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    return origins[origin] + url[len(origin) :] if origin in origins else url


def place(url: str) -> str:
    """Host and path: what may be shown of a URL whose query may hold a key."""
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path}"


def said(error: BaseException) -> str:
    """What went wrong, in a word or two: the innermost cause's name; its text may hold the URL's query."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return type(error).__name__
