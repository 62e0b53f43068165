"""The numbers that shape signals."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.settings.choices import Generator, ModelChoice
from signals_pipeline.settings.documentation import explain


class SettingsError(SignalsError, ValueError):
    """A knob or setting is out of bounds or misspelt; the message has one line a problem."""


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
            raise SettingsError(explain(error, cls.model_fields)) from error

    def stored(self) -> dict[str, Any]:
        """The values as plain JSON types, in declaration order, as kept with every window and digest."""
        return self.model_dump(mode="json")


class OverriddenKnobs(Knobs):
    """Knobs of a run that are not the deployment's: what it makes is marked `manual`."""
