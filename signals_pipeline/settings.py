"""Every knob once: name, type, unit, default, bounds and meaning. The only reader of the environment.

`Knobs` are the numbers that shape signals; they can be set by environment variable and per run in the launchpad, and
are stored with every digest. `Settings` adds where things live. Both are validated; a bad value is one clear line.
"""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(ValueError):
    """A knob or setting is out of bounds or misspelt; the message has one line a problem."""


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


class Metrics(StrEnum):
    """Where a run's metrics go: nowhere, or to stdout in CloudWatch's embedded metric format."""

    OFF = "off"
    EMF = "emf"


class Knobs(BaseModel):
    """The numbers that shape signals."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_enum_values=False)

    news_lookback_hours: float = Field(
        default=6,
        gt=0,
        le=96,
        description="Hours: evidence reaches back at least this far, also where the window is shorter",
    )
    news_strict_lookback: bool = Field(
        default=False,
        description="Only the last NEWS_LOOKBACK_HOURS count; the coverage ledger shows the gap this leaves",
    )
    min_sentiment_confidence: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="Probability: a headline whose top class is less sure than this carries no tone",
    )
    min_combined_score: float = Field(
        default=0.3, ge=0, le=1, description="Gate: an absolute combined score below this makes no signal"
    )
    signal_expiry_days: float = Field(default=7, gt=0, le=90, description="Days: how long a signal stays active")
    max_signals: int = Field(
        default=25, ge=1, le=500, description="Count: signals a digest, the largest absolute combined score first"
    )
    sentiment_weight: float = Field(default=0.6, ge=0, le=1, description="Share of tone in the combined score")
    tone_half_life_hours: float = Field(
        default=6, gt=0, le=240, description="Hours: a headline's weight halves in this time"
    )
    sentiment_model: ModelChoice = Field(
        default=ModelChoice.AUTO, description="Sentiment model: auto, finbert or compact"
    )
    signal_generator: Generator = Field(
        default=Generator.NEWS_DRIVEN, description="Signal generator: news_driven or technical"
    )

    @classmethod
    def checked(cls, **values: Any) -> Self:  # noqa: ANN401
        """Knobs from values by field name.

        Raises:
            SettingsError: a value is unreadable or out of bounds; one line a problem.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            raise SettingsError(explain(error)) from error

    def stored(self) -> dict[str, Any]:
        """The values as plain JSON types, in declaration order, as kept with every window and digest."""
        return self.model_dump(mode="json")


class Settings(Knobs, BaseSettings):
    """The knobs and where things live, from the environment and `.env`; variables are the field names in capitals.

    `Settings.checked()` reads them all and says in one line a problem what is wrong.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True
    )

    signals_deployment: Deployment = Field(default=Deployment.DEMO, description="Deployment: demo, local or production")
    signals_data_dir: Path = Field(
        default=Path("var"), description="Folder for frames, digests, models and the SQLite file"
    )
    signals_database_url: str = Field(
        "", description="SQLAlchemy URL; empty: SQLite file signals.db in the data folder"
    )
    signals_frames_url: str = Field(
        default="", description="Folder or s3:// URL for frames; empty: frames/ in the data folder"
    )
    signals_watchlist: Path | None = Field(
        default=None, description="watchlist.yaml, or a preset: dow30, nasdaq-megacaps; empty: the sample's"
    )
    signals_news_path: Path | None = Field(
        default=None,
        description="Recorded headlines (CSV, JSONL, Parquet); empty: the sample's, live feeds outside the demo",
    )
    signals_prices_path: Path | None = Field(
        default=None, description="Recorded daily bars (CSV, Parquet); empty: the sample's, live Yahoo outside the demo"
    )
    prices_timeout_seconds: float = Field(
        default=20, gt=0, le=300, description="Seconds until an answer of the price vendor must be complete"
    )
    prices_spacing_seconds: float = Field(
        default=0.1, ge=0, le=60, description="Seconds between the starts of two calls to the price vendor"
    )
    prices_concurrency: int = Field(default=4, ge=1, le=16, description="Calls to the price vendor at once")
    signals_feeds: Annotated[str, AfterValidator(_feeds)] = Field(
        default="",
        description="Live news, commas between: newsapi, yahoo, rss:yahoo, rss:edgar, addresses of RSS or Atom"
        " documents; empty: all whose key or contact is set",
    )
    newsapi_key: SecretStr | None = Field(default=None, description="API key of newsapi.org")
    newsapi_plan: NewsApiPlan = Field(
        default=NewsApiPlan.FREE, description="Its plan, free or business; the free one delays articles by 24 h"
    )
    newsapi_daily_calls: int = Field(
        default=0, ge=0, description="Calls to NewsAPI a day (UTC), shared by all runs; 0: what the plan allows"
    )
    newsapi_gives_up_first: GivesUp = Field(
        default=GivesUp.PAGES,
        description="When calls run short: pages (further results of each search) or companies (the watchlist's last)",
    )
    signals_contact: str = Field(
        default="",
        pattern=r"^([^\s@]+@[^\s@]+)?$",
        description="E-mail address told to feeds; the SEC answers nobody without one (rss:edgar)",
    )
    news_timeout_seconds: float = Field(
        default=10, gt=0, le=300, description="Seconds a feed may be silent; twice as long for a whole answer"
    )
    news_spacing_seconds: float = Field(
        default=0.05,
        ge=0,
        le=60,
        description="Seconds between the starts of two calls to one host (SEC: at least 0.12)",
    )
    news_concurrency: int = Field(default=8, ge=1, le=16, description="Calls to one news host at once (SEC: 2)")
    digest_recipients: Annotated[str, AfterValidator(_addresses)] = Field(
        default="",
        description="Who gets the digest: addresses with commas between them; empty: nobody, no mail is made",
    )
    mail_from: Annotated[str, AfterValidator(_sender)] = Field(
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
    signals_database_password: SecretStr | None = Field(
        default=None, description="Password put into SIGNALS_DATABASE_URL where that has none"
    )
    signals_models_dir: Path | None = Field(
        default=None, description="Folder of prepared models; empty: models/ in the data folder"
    )
    signals_metrics: Metrics | None = Field(
        default=None, description="Metrics of runs: off, or emf on stdout; empty: emf in production, else off"
    )
    signals_stack: str = Field(
        default="signals",
        pattern=r"^[A-Za-z][A-Za-z0-9-]{0,31}$",
        description="Name of the CloudFormation stack, and the dimension of the metrics",
    )
    dagster_home: Path | None = Field(
        default=None, description="Folder with dagster.yaml; empty: the working directory"
    )

    @property
    def knobs(self) -> Knobs:
        """Only the numbers that shape signals."""
        return Knobs.model_validate({name: getattr(self, name) for name in Knobs.model_fields})

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the pipeline's own database, its password put in where it comes by itself."""
        url, password = self.signals_database_url, self.signals_database_password
        if url and password and (found := re.fullmatch(r"([a-z0-9+]+://[^:/@]+)(@.*)", url, re.DOTALL)):
            return f"{found[1]}:{quote(password.get_secret_value(), safe='')}{found[2]}"
        return url or f"sqlite:///{(self.signals_data_dir / 'signals.db').absolute()}"

    @property
    def tells_metrics(self) -> bool:
        """Whether runs tell their metrics on stdout."""
        chosen = self.signals_metrics
        return self.signals_deployment is Deployment.PRODUCTION if chosen is None else chosen is Metrics.EMF

    @property
    def frames_url(self) -> str:
        """Folder or URL under which the stages' frames are kept, one file a window."""
        return self.signals_frames_url or str((self.signals_data_dir / "frames").absolute())

    @property
    def recipients(self) -> tuple[str, ...]:
        """The addresses of DIGEST_RECIPIENTS, each once whatever its case."""
        found: dict[str, str] = {}
        for part in self.digest_recipients.split(","):
            found.setdefault(part.strip().casefold(), part.strip())
        return tuple(address for address in found.values() if address)

    @property
    def models_dir(self) -> Path:
        """Folder of prepared models, one a sub-folder."""
        return (self.signals_models_dir or self.signals_data_dir / "models").absolute()

    @property
    def mail_dir(self) -> Path:
        """Folder of the mails that MAIL_TRANSPORT=files writes."""
        return (self.signals_data_dir / "mail").absolute()

    @property
    def digests_dir(self) -> Path:
        """Folder of the rendered digests."""
        return (self.signals_data_dir / "digests").absolute()

    @property
    def record_dir(self) -> Path:
        """Folder of the record's and the tuning's figures."""
        return (self.signals_data_dir / "record").absolute()


def explain(error: ValidationError) -> str:
    """One line a problem: the variable, the value given, and what is allowed."""
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"]).upper()
        given = "(hidden)" if name in _SECRETS else repr(problem["input"])
        lines.append(f"{name}={given}: {problem['msg'].lower()}; see the configuration table in README.md")
    return "\n".join(lines)


def configuration_table() -> str:
    """The Markdown table of every variable, its default and meaning, as README.md carries it."""
    lines = ["| variable | default | bounds | meaning |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        bounds = " ".join(
            f"{sign} {getattr(mark, key)}"
            for mark in field.metadata
            for key, sign in _BOUNDS.items()
            if hasattr(mark, key)
        )
        default = field.default.value if isinstance(field.default, StrEnum) else field.default
        shown = "" if default in (None, "") else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        lines.append(f"| `{name.upper()}` | {shown} | {bounds} | {field.description} |")
    return "\n".join(lines)


_SECRETS = {name.upper() for name, field in Settings.model_fields.items() if field.annotation == SecretStr | None}
_BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
