"""How digests and operator alerts are mailed. Links in mails are with the web pages, in `web`."""

from pydantic import BaseModel, Field, SecretStr

from signals_pipeline.settings.choices import (
    Addresses,
    MailTransport,
    ReadersFile,
    RedirectHosts,
    Sender,
    SmtpTls,
    split_list,
)


class Delivery(BaseModel):
    """Recipients of digests and alerts, and the mail transport."""

    digest_recipients: Addresses = Field(
        default="",
        description="Recipients of the whole digest, comma-separated; empty: only the readers of SIGNALS_READERS",
    )
    signals_readers: ReadersFile = Field(
        default="",
        description="Readers file (YAML) or its s3:// address: who gets which digests and companies; empty: none",
    )
    channels_private_hosts: RedirectHosts = Field(
        default="",
        description="Hosts with private addresses to which messages may go, comma-separated: host, or host:port; empty:"
        " channels lead to public addresses only, over https",
    )
    channels_variables: SecretStr | None = Field(
        default=None,
        description="Lines NAME=value with the addresses and secrets to which channels refer as env:NAME; the"
        " environment and .env count first",
    )
    operator_recipients: Addresses = Field(
        default="",
        description="Recipients of operator alerts (failed runs, missing digests, silence), comma-separated; empty:"
        " none",
    )
    quiet_runs_alert: int = Field(
        default=4,
        ge=0,
        le=200,
        description="Consecutive windows without a signal after which the operator is alerted; 0: never",
    )
    mail_from: Sender = Field(default="signals@localhost", description="Sender of mails: an address, or Name <address>")
    mail_transport: MailTransport = Field(
        default=MailTransport.FILES,
        description="Mail transport: files (.eml in the data folder), smtp or ses (Amazon SES)",
    )
    ses_configuration_set: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_-]{0,64}$",
        description="SES configuration set of mails, which reports bounces and complaints; empty: none",
    )
    smtp_host: str = Field(default="localhost", description="SMTP server")
    # 587: the submission port of RFC 6409, which starts in plain text and switches to TLS.
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Port of the SMTP server")
    smtp_tls: SmtpTls = Field(
        default=SmtpTls.STARTTLS,
        description="Encryption of the SMTP connection: starttls, tls (from the first byte) or none",
    )
    smtp_user: str = Field(default="", description="User name for the SMTP server; empty: no login")
    smtp_password: SecretStr | None = Field(default=None, description="Password of SMTP_USER")

    @property
    def recipients(self) -> tuple[str, ...]:
        """The addresses of DIGEST_RECIPIENTS, deduplicated regardless of case."""
        return _deduplicated(self.digest_recipients)

    @property
    def private_hosts(self) -> tuple[str, ...]:
        """The servers of CHANNELS_PRIVATE_HOSTS."""
        return tuple(split_list(self.channels_private_hosts))

    @property
    def operators(self) -> tuple[str, ...]:
        """The addresses of OPERATOR_RECIPIENTS, deduplicated regardless of case."""
        return _deduplicated(self.operator_recipients)


def _deduplicated(addresses: str) -> tuple[str, ...]:
    """The addresses of a list in their order; of two that differ only in case, the first."""
    by_folded: dict[str, str] = {}
    for address in split_list(addresses):
        by_folded.setdefault(address.casefold(), address)
    return tuple(by_folded.values())
