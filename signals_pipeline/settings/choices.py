"""Values that a setting chooses from, and the shapes of texts that settings hold."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator


class Deployment(StrEnum):
    """Where the pipeline runs and on what: `demo` (bundled input), `local` (live sources), `production` (AWS)."""

    DEMO = "demo"
    LOCAL = "local"
    PRODUCTION = "production"


class ModelChoice(StrEnum):
    """Which sentiment model scores headlines; `auto` takes FinBERT where it is prepared, else the compact model."""

    AUTO = "auto"
    FINBERT = "finbert"
    COMPACT = "compact"


class Generator(StrEnum):
    """What makes signals; `technical` turns the ML off in an emergency."""

    NEWS_DRIVEN = "news_driven"
    TECHNICAL = "technical"


class NewsApiPlan(StrEnum):
    """What the NewsAPI key allows."""

    FREE = "free"
    BUSINESS = "business"


class GivesUp(StrEnum):
    """What NewsAPI's searches give up first when calls run short."""

    PAGES = "pages"
    COMPANIES = "companies"


class MailTransport(StrEnum):
    """How mail leaves: as .eml files, over SMTP, or through Amazon SES."""

    FILES = "files"
    SMTP = "smtp"
    SES = "ses"


class SmtpTls(StrEnum):
    """How the way to the SMTP server is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class Metrics(StrEnum):
    """Where a run's metrics go: nowhere, or to stdout in CloudWatch's embedded metric format."""

    OFF = "off"
    EMF = "emf"


_FEEDS = frozenset({"newsapi", "yahoo", "rss:yahoo", "rss:edgar"})


def _feeds(value: str) -> str:
    for name in filter(None, (part.strip() for part in value.split(","))):
        if name not in _FEEDS and not name.startswith(("http://", "https://")):
            raise ValueError(f"{name!r} is no feed; use newsapi, yahoo, rss:yahoo, rss:edgar or an address")
    return value


_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+")
_NAMED = re.compile(rf"[^<>\"\r\n,;:@]+ <{_ADDRESS.pattern}>")


def _addresses(value: str) -> str:
    if any(not _ADDRESS.fullmatch(part.strip()) for part in value.split(",") if value.strip()):
        raise ValueError("write addresses with commas between them, such as ann@example.org, bob@example.org")
    return value


def _sender(value: str) -> str:
    if not (_ADDRESS.fullmatch(value) or _NAMED.fullmatch(value)):
        raise ValueError("write signals@example.org or Signals <signals@example.org>")
    return value


Feeds = Annotated[str, AfterValidator(_feeds)]
Addresses = Annotated[str, AfterValidator(_addresses)]
Sender = Annotated[str, AfterValidator(_sender)]
