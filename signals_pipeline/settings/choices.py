"""Enums that settings choose from, and the formats of settings that are text.

Enum values are what users write in the environment and what is stored with digests; they never change.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from signals_pipeline.core.digest.addresses import check_address, parse_sender
from signals_pipeline.core.event_types import EVENT_TYPES
from signals_pipeline.core.redaction import redact_url, secrets_in_url
from signals_pipeline.core.time_zones import check_zone


class Deployment(StrEnum):
    """Where the pipeline runs, and on which input."""

    DEMO = "demo"  # the bundled sample
    LOCAL = "local"  # live sources
    PRODUCTION = "production"  # live sources, on AWS


class ModelChoice(StrEnum):
    """Values of SENTIMENT_MODEL with a meaning of their own; any other is the name of a prepared model.

    `auto` is FinBERT if it is prepared, otherwise the compact model, which is part of the package.
    """

    AUTO = "auto"
    FINBERT = "finbert"
    COMPACT = "compact"


class SignalGenerator(StrEnum):
    """What generates signals; `technical` switches the sentiment model off in an emergency."""

    NEWS_DRIVEN = "news_driven"
    TECHNICAL = "technical"


class NewsApiPlan(StrEnum):
    """Subscription plan of the NewsAPI key."""

    FREE = "free"
    BUSINESS = "business"


class SkippedFirst(StrEnum):
    """What searches of NewsAPI skip first when the request quota runs short."""

    PAGES = "pages"
    COMPANIES = "companies"


class EarningsVendor(StrEnum):
    """Where live earnings dates come from; `off` shows none."""

    YAHOO = "yahoo"
    OFF = "off"


class MailTransport(StrEnum):
    """How mail is sent: as .eml files, over SMTP, or through Amazon SES."""

    FILES = "files"
    SMTP = "smtp"
    SES = "ses"


class SmtpTls(StrEnum):
    """How the connection to the SMTP server is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class MetricsOutput(StrEnum):
    """Where the metrics of runs go: nowhere, or to stdout in CloudWatch's embedded metric format."""

    OFF = "off"
    EMF = "emf"


_SPACES_IN_LISTS = " \t\r\n"
"""What may surround an entry of a list of addresses: a long list may have several lines."""

_NAMED_FEEDS = frozenset({"newsapi", "yahoo", "rss:yahoo", "rss:edgar"})


def split_list(text: str) -> list[str]:
    """The entries of a comma-separated list, without surrounding spaces and without empty ones."""
    entries = [entry.strip() for entry in text.split(",")]
    return [entry for entry in entries if entry]


def is_named_feed(text: str) -> bool:
    """Whether the text is the name of a live feed."""
    return text in _NAMED_FEEDS


def is_feed_address(text: str) -> bool:
    """Whether the text can be the address of an RSS or Atom document: http or https, with a host."""
    return _is_web_address(text)


def _is_web_address(text: str) -> bool:
    """Whether the text is an http or https URL with a host and a valid port."""
    try:
        parts = urlsplit(text)
        # A port that is no number is noticed when it is read.
        is_complete = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and is_complete


@dataclass(frozen=True, slots=True)
class HoldsUrls:
    """Marks a setting that is a URL, or a list of some: messages show its value redacted."""


def _expand_user(path: Path) -> Path:
    """The path with a home folder in the place of `~`, as a shell writes it."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError("no such user; write the folder's path in full") from error


def _check_frames_url(value: str) -> str:
    """Refuse credentials: Dagster's pages show the setting with every run."""
    if secrets_in_url(value):
        raise ValueError(
            "it may hold no user, password, query or fragment; credentials for S3 come from the environment or ~/.aws"
        )
    return str(_expand_user(Path(value))) if value.startswith("~") else value


_HOST_ENTRY = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


def _check_hosts(value: str) -> str:
    for entry in split_list(value):
        if not _HOST_ENTRY.fullmatch(entry):
            raise ValueError("separate hosts with commas, such as feeds.intranet.example, 10.0.0.5:8080")
    return value


def _check_feeds(value: str) -> str:
    """Refuse a list without any feed. A wrong entry among others fails in each window, so as not to stop the others."""
    feeds = split_list(value)
    if feeds and not any(is_named_feed(feed) or is_feed_address(feed) for feed in feeds):
        raise ValueError(f"unknown feed {redact_url(feeds[0])!r}; use newsapi, yahoo, rss:yahoo, rss:edgar or a URL")
    return value


def _check_addresses(value: str) -> str:
    if not value.strip():
        return value
    # Not `split_list`: an empty entry between two commas is a mistake, and so is a control character around an address.
    for address in value.split(","):
        if not address.strip():
            raise ValueError("separate addresses with single commas, such as ann@example.org, bob@example.org")
        check_address(address.strip(_SPACES_IN_LISTS))
    return value


def _check_sender(value: str) -> str:
    parse_sender(value)
    return value


# The characters of a URL (RFC 3986) without query and fragment, and without the one that would end an attribute.
_BASE_URL = re.compile(r"[A-Za-z0-9._~:/\[\]@!$&()*+,;=%-]*")
# A mail has the URL and a token of up to 450 characters on one line of its headers, and a line ends at 998.
_MAX_BASE_URL = 500


def _check_base_url(value: str) -> str:
    if not value:
        return value
    if secrets_in_url(value):
        raise ValueError(
            "it is in every mail and may hold no user, password, query or fragment; write https://signals.example.org"
        )
    if not _BASE_URL.fullmatch(value) or not _is_web_address(value):
        raise ValueError("use an http or https URL in ASCII without query and fragment, such as https://desk.example")
    if len(value) > _MAX_BASE_URL:
        raise ValueError(f"the URL has more than {_MAX_BASE_URL} characters")
    return value


_S3_FOLDER = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9!_.*'()-]+)*/?")
_S3_OBJECT = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9!_.*'()-]+)+")
_LOCAL_FOLDER = re.compile(r"file:///[^?#]+")


def _check_publish_url(value: str) -> str:
    """Accept an S3 folder or a local one; credentials come from the environment, never from the URL."""
    if value and not _S3_FOLDER.fullmatch(value) and not _LOCAL_FOLDER.fullmatch(value):
        raise ValueError("use s3://bucket/folder or file:///folder, without user, password, query and fragment")
    return value


def _check_queue_url(value: str) -> str:
    """Accept the URL of an SQS queue: its path is an account and a name."""
    if value and (secrets_in_url(value) or not _is_web_address(value) or not urlsplit(value).path.strip("/")):
        raise ValueError("use the URL of an SQS queue, such as https://sqs.REGION.amazonaws.com/ACCOUNT/NAME")
    return value


def _check_events(value: str) -> str:
    """The event types in the order of EVENT_TYPES, each once, so that equal choices are stored alike."""
    chosen = split_list(value)
    for event in chosen:
        if event not in EVENT_TYPES:
            raise ValueError(f"unknown event type {event!r}; use any of {', '.join(EVENT_TYPES)}")
    if not chosen:
        raise ValueError(f"no event type is named; use any of {', '.join(EVENT_TYPES)}")
    return ",".join(event for event in EVENT_TYPES if event in chosen)


Events = Annotated[str, AfterValidator(_check_events)]


# The name is a folder's, and stands in commands and digests. 64 characters leave room beside the repository's.
_MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def check_model_name(value: str) -> str:
    """The value, if it can be the name of a prepared model.

    Raises:
        ValueError: it has other characters than the name of a folder may have.
    """
    if not _MODEL_NAME.fullmatch(value):
        raise ValueError(
            "use auto, finbert, compact or the name of a prepared model (lower-case letters, digits, '.', '_', '-')"
        )
    return value


def _check_zone(value: str) -> str:
    """The name of a time zone as the IANA database has it; empty for none."""
    return check_zone(value) if value else value


def _check_readers_file(value: str) -> str:
    """Accept the path of a file, or an object of S3; credentials come from the environment, never from the address."""
    if "://" in value and not _S3_OBJECT.fullmatch(value):
        raise ValueError("use the path of a readers file, or s3://bucket/readers.yaml without user, password and query")
    return value


GivenPath = Annotated[Path, AfterValidator(_expand_user)]
ModelName = Annotated[str, AfterValidator(check_model_name)]
TimeZoneName = Annotated[str, AfterValidator(_check_zone)]
Feeds = Annotated[str, AfterValidator(_check_feeds), HoldsUrls()]
RedirectHosts = Annotated[str, AfterValidator(_check_hosts)]
DatabaseUrl = Annotated[str, HoldsUrls()]
FramesUrl = Annotated[str, AfterValidator(_check_frames_url), HoldsUrls()]
BaseUrl = Annotated[str, AfterValidator(_check_base_url), HoldsUrls()]
PublishUrl = Annotated[str, AfterValidator(_check_publish_url), HoldsUrls()]
QueueUrl = Annotated[str, AfterValidator(_check_queue_url), HoldsUrls()]
ReadersFile = Annotated[str, AfterValidator(_check_readers_file), HoldsUrls()]
Addresses = Annotated[str, AfterValidator(_check_addresses)]
Sender = Annotated[str, AfterValidator(_check_sender)]
