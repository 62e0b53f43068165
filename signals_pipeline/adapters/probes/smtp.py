"""Whether the SMTP server accepts this sender; no mail is sent."""

import smtplib
import ssl
from typing import Literal

from signals_pipeline.adapters.probes.findings import ProbeResult, fail, ok

_CORRECT_LOG_IN = "correct SMTP_USER and SMTP_PASSWORD"
_CORRECT_ADDRESS = "correct SMTP_HOST, SMTP_PORT and SMTP_TLS, and open the firewall"

# Maximum length of the server's error text in our messages.
_ERROR_CHARACTERS = 200


def probe_smtp_login(
    host: str,
    port: int,
    tls: Literal["starttls", "tls", "none"],
    *,
    user: str = "",
    password: str = "",
    seconds: float = 6,
    context: ssl.SSLContext | None = None,
) -> ProbeResult:
    """Connect, encrypt and log in as for a mail, then disconnect.

    Args:
        host: The server.
        port: Its port.
        tls: `starttls`, `tls` (from the first byte) or `none`.
        user: Who logs in; empty: nobody.
        password: The password; it is never shown.
        seconds: Timeout to connect, and for each response.
        context: Which certificates are trusted; None: those of the system.
    """
    server_name = f"SMTP server {host}:{port}"
    context = context or ssl.create_default_context()
    try:
        if tls == "tls":
            connection = smtplib.SMTP_SSL(host, port, timeout=seconds, context=context)
        else:
            connection = smtplib.SMTP(host, port, timeout=seconds)
        with connection as server:
            if tls == "starttls":
                server.starttls(context=context)
            if user:
                server.login(user, password)
    except smtplib.SMTPAuthenticationError as error:
        return fail(f"{server_name} refuses the log-in of {user} ({error.smtp_code})", _CORRECT_LOG_IN)
    except OSError as error:  # smtplib's exceptions are OSErrors, too
        text = " ".join(str(error).split())[:_ERROR_CHARACTERS]
        return fail(f"{server_name}: {type(error).__name__}: {text}", _CORRECT_ADDRESS)
    return ok(f"{server_name} accepts {user or 'any sender'}, {tls}")
