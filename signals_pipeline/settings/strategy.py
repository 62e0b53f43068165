"""The knobs: the settings that shape signals.

They can be set by environment variable and, per run, in the Dagster launchpad; their values are stored with every
window and digest.
"""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.event_types import TONE_EVENTS
from signals_pipeline.settings.choices import Events, ModelChoice, ModelName, SignalGenerator, split_list
from signals_pipeline.settings.documentation import explain


class SettingsError(SignalsError, ValueError):
    """A setting is misspelt or out of bounds; the message has one line per problem."""


class Knobs(BaseModel):
    """The settings that shape signals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    news_lookback_hours: float = Field(
        default=6,
        gt=0,
        le=96,
        description="Minimum lookback for headlines in hours; a longer window reaches back to its own start",
    )
    news_strict_lookback: bool = Field(
        default=False,
        description="Use only the last NEWS_LOOKBACK_HOURS of a longer window, too; the coverage ledger shows the gap",
    )
    news_max_age_days: float = Field(
        default=3,
        gt=0,
        le=30,
        description="Maximum days between a headline's publication and its first delivery; an older one has no tone",
    )
    min_sentiment_confidence: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="Minimum probability of a headline's sentiment class; below it the headline has no tone (of"
        " newswire signs .84 are right at 0.6, .88 at 0.8)",
    )
    min_combined_score: float = Field(
        default=0.3, ge=0, le=1, description="Minimum absolute combined score of a signal"
    )
    signal_expiry_days: float = Field(default=7, gt=0, le=90, description="Days until a signal expires")
    flip_cooldown_days: float = Field(
        default=2,
        ge=0,
        le=90,
        description="Days in which a company's signal flips at most once, unless its score is higher than before",
    )
    max_signals: int = Field(
        default=25,
        ge=1,
        le=500,
        description="Maximum signals per digest; those with the largest absolute combined score are kept",
    )
    sentiment_weight: float = Field(default=0.6, ge=0, le=1, description="Weight of tone in the combined score")
    tone_half_life_hours: float = Field(
        default=6,
        gt=0,
        le=240,
        description="Tone half-life in market hours: an hour with the market open counts 1, a closed one 0.1",
    )
    tone_events: Events = Field(
        default=",".join(TONE_EVENTS),
        description="Event types that carry tone, separated by commas; others are price, opinion and macro",
    )
    sentiment_model: ModelName = Field(
        default=ModelChoice.AUTO.value,
        description="Sentiment model: auto (finbert if prepared, otherwise compact), finbert, compact, or the name of"
        " another prepared model",
    )
    signal_generator: SignalGenerator = Field(
        default=SignalGenerator.NEWS_DRIVEN,
        description="Signal generator: news_driven, or technical (without the sentiment model)",
    )

    @classmethod
    def checked(cls, **values: Any) -> Self:  # noqa: ANN401
        """Validate values by field name; those that are missing have their defaults.

        Raises:
            SettingsError: a value is unreadable or out of bounds, or a name is unknown.
        """
        try:
            return cls(**values)
        except ValidationError as error:
            raise SettingsError(explain(error, cls.model_fields)) from error

    @property
    def tone_event_types(self) -> tuple[str, ...]:
        """TONE_EVENTS, one by one."""
        return tuple(split_list(self.tone_events))

    def stored(self) -> dict[str, Any]:
        """The values as plain JSON types in declaration order, as stored with every window and digest."""
        return self.model_dump(mode="json")


class OverriddenKnobs(Knobs):
    """Knobs of one run that differ from the deployment's; the digests of that run are marked `manual`."""
