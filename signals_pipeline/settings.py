"""Every knob once: name, type, unit, default, bounds and meaning. The only reader of the environment.

`Knobs` are the numbers that shape signals; they can be set by environment variable and per run in the launchpad, and
are stored with every digest. `Settings` adds where things live. Both are validated; a bad value is one clear line.
"""

from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
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

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_file=".env", env_file_encoding="utf-8")

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
    signals_watchlist: Path | None = Field(default=None, description="watchlist.yaml; empty: the bundled sample's")
    signals_news_path: Path | None = Field(
        default=None, description="Recorded headlines (CSV, JSONL, Parquet); empty: the sample's"
    )
    signals_prices_path: Path | None = Field(
        default=None, description="Recorded daily bars (CSV, Parquet); empty: the sample's"
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
        """SQLAlchemy URL of the pipeline's own database."""
        return self.signals_database_url or f"sqlite:///{(self.signals_data_dir / 'signals.db').absolute()}"

    @property
    def frames_url(self) -> str:
        """Folder or URL under which the stages' frames are kept, one file a window."""
        return self.signals_frames_url or str((self.signals_data_dir / "frames").absolute())

    @property
    def models_dir(self) -> Path:
        """Folder of prepared models, one a sub-folder."""
        return (self.signals_data_dir / "models").absolute()

    @property
    def digests_dir(self) -> Path:
        """Folder of the rendered digests."""
        return (self.signals_data_dir / "digests").absolute()


def explain(error: ValidationError) -> str:
    """One line a problem: the variable, the value given, and what is allowed."""
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"]).upper()
        lines.append(f"{name}={problem['input']!r}: {problem['msg'].lower()}; see the configuration table in README.md")
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


_BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
