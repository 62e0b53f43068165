"""How digests reach their readers: mails and web pages."""

from pydantic import Field, SecretStr

from signals_pipeline.settings.choices import Addresses, MailTransport, Sender, SmtpTls
from signals_pipeline.settings.sources import Sources


class Mails(Sources):
    """Who gets the digest, and how it is mailed."""

    digest_recipients: Addresses = Field(
        default="",
        description="Who gets the digest: addresses with commas between them; empty: nobody, no mail is made",
    )
    operator_recipients: Addresses = Field(
        default="",
        description="Who is told of failed runs, missing digests and silence: addresses with commas; empty: nobody",
    )
    quiet_runs_alert: int = Field(
        default=4,
        ge=0,
        le=200,
        description="Windows in a row without a signal from which the operator is told; 0: never",
    )
    mail_from: Sender = Field(
        default="signals@localhost", description="Sender of the mail: an address, or Name <address>"
    )
    mail_transport: MailTransport = Field(
        default=MailTransport.FILES, description="How mail leaves: files (.eml in the data folder), smtp or ses"
    )
    smtp_host: str = Field(default="localhost", description="SMTP server")
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Its port")
    smtp_tls: SmtpTls = Field(default=SmtpTls.STARTTLS, description="starttls, tls (from the first byte) or none")
    smtp_user: str = Field(default="", description="Who logs in; empty: nobody")
    smtp_password: SecretStr | None = Field(default=None, description="The password of SMTP_USER")

    @property
    def recipients(self) -> tuple[str, ...]:
        """The addresses of DIGEST_RECIPIENTS, each once whatever its case."""
        return _each_once(self.digest_recipients)

    @property
    def operators(self) -> tuple[str, ...]:
        """The addresses of OPERATOR_RECIPIENTS, each once whatever its case."""
        return _each_once(self.operator_recipients)


class Pages(Mails):
    """The web pages and the links to them."""

    signals_base_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s<>\"'?#]+)?$",
        description="Public address of the web pages, for links in mails; empty: mails carry no links to them",
    )
    signals_link_key: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="Secret of 32 characters or more that signs unsubscribe and feedback links",
    )
    signals_web_token: SecretStr | None = Field(
        default=None, min_length=16, description="Bearer token that `/api/v1` asks for; empty: it is open"
    )
    signals_web_rate: float = Field(
        default=600, ge=0, description="Requests a minute that one client may make of the web pages; 0: no limit"
    )
    signals_web_database_url: str = Field(
        default="",
        description="SQLAlchemy URL that the web pages read with, a role that may only read; empty: the same",
    )


def _each_once(addresses: str) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for part in addresses.split(","):
        found.setdefault(part.strip().casefold(), part.strip())
    return tuple(address for address in found.values() if address)
