"""Whether the SMTP server lets this sender in; no mail is sent."""

import smtplib
import ssl
from typing import Literal

from signals_pipeline.adapters.probes.findings import ProbeResult, fail, ok

_REFUSED = "correct SMTP_USER and SMTP_PASSWORD"
_UNREACHED = "correct SMTP_HOST, SMTP_PORT and SMTP_TLS, and let the firewall pass"


def smtp_login(
    host: str,
    port: int,
    tls: Literal["starttls", "tls", "none"],
    *,
    user: str = "",
    password: str = "",
    seconds: float = 6,
    context: ssl.SSLContext | None = None,
) -> ProbeResult:
    """Connect, encrypt and log in as the mail would; then leave.

    Args:
        host: The server.
        port: Its port.
        tls: `starttls`, `tls` or `none`.
        user: Who logs in; empty: nobody.
        password: Never shown.
        seconds: How long the server may be silent.
        context: Which certificates are trusted; None: those of the system.
    """
    name, trusted = f"SMTP server {host}:{port}", context or ssl.create_default_context()
    try:
        made = smtplib.SMTP_SSL(host, port, timeout=seconds, context=trusted) if tls == "tls" else None
        with made or smtplib.SMTP(host, port, timeout=seconds) as server:
            if tls == "starttls":
                server.starttls(context=trusted)
            if user:
                server.login(user, password)
    except smtplib.SMTPAuthenticationError as error:
        return fail(f"{name} refuses the log-in of {user} ({error.smtp_code})", _REFUSED)
    except OSError as error:  # smtplib's exceptions are OSErrors, too
        return fail(f"{name}: {type(error).__name__}: {' '.join(str(error).split())[:200]}", _UNREACHED)
    return ok(f"{name} lets {user or 'anyone'} in, {tls}")
