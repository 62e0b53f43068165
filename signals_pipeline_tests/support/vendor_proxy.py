"""An HTTPS proxy on loopback behind which every host is one server that refuses, and repeats the key in its refusal.

A real process reaches it by HTTPS_PROXY and trusts it by REQUESTS_CA_BUNDLE: no origin has to be replaced.
"""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import trustme

from signals_pipeline_tests.support.loopback import Quiet, serving


@dataclass
class VendorProxy:
    """The proxy.

    Attributes:
        address: `host:port`.
        authority: File with the certificate of its authority, PEM.
        requests: Host, path and headers of each request that came through it.
        logins: What clients sent to log in at the proxy.
    """

    address: str
    authority: Path
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)


@contextmanager
def vendor_proxy(folder: Path, *hosts: str) -> Iterator[VendorProxy]:
    """A proxy in front of these hosts until the end of the block.

    Args:
        folder: Where the authority's certificate is written.
        hosts: Names that its certificate is for.
    """
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(context)
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(path)
    proxy = VendorProxy("", path)

    class Handler(_Handler):
        state = proxy
        tls = context

    with serving(Handler) as url:
        proxy.address = url.removeprefix("http://")
        yield proxy


class _Handler(Quiet):
    """Answers CONNECT, and then what comes through the tunnel."""

    state: ClassVar[VendorProxy]
    tls: ClassVar[ssl.SSLContext]

    def do_CONNECT(self) -> None:  # noqa: N802
        self.state.logins.append(self.headers.get("Proxy-Authorization", ""))
        self.send_response(200)
        self.end_headers()
        with self.tls.wrap_socket(self.connection, server_side=True) as tunnel:
            type(self)(tunnel, self.client_address, self.server)
        self.close_connection = True

    def do_GET(self) -> None:  # noqa: N802
        headers = dict(self.headers.items())
        self.state.requests.append((self.headers["Host"], self.path, headers))
        values = " ".join(headers.values())
        key = headers.get("X-Api-Key") or headers.get("Authorization", "")
        echo: dict[str, Any] = {
            "status": "error",
            "code": f"apiKeyInvalid {key}",
            "message": f"{values} {quote(values, safe='')} {self.path}",
        }
        self.answer(401, json.dumps(echo).encode())
