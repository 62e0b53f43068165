"""Every setting once: name, type, unit, default, bounds and description. The only reader of the environment.

`Settings` is composed of groups, one module per group: the knobs that shape signals (`strategy`), where files and the
database are (`paths`), vendors of headlines and prices (`sources`), mail (`delivery`), the web pages (`web`) and what a
deployment runs on (`operation`). `choices` has the enums and text formats that settings use.
"""

from pathlib import Path
from typing import Any, Self

from pydantic_settings import BaseSettings, SettingsConfigDict

from signals_pipeline.settings.choices import Deployment
from signals_pipeline.settings.delivery import Delivery
from signals_pipeline.settings.documentation import table
from signals_pipeline.settings.env_file import check_env_file
from signals_pipeline.settings.operation import Operation
from signals_pipeline.settings.paths import Paths, url_with_password
from signals_pipeline.settings.sources import Sources
from signals_pipeline.settings.strategy import Knobs, SettingsError
from signals_pipeline.settings.web import Web

# In the order of the configuration table.
GROUPS = (Knobs, Operation, Paths, Sources, Delivery, Web)


# pydantic merges the `model_config` of all bases; pyright compares their types, ConfigDict and SettingsConfigDict.
class Settings(Knobs, Operation, Paths, Sources, Delivery, Web, BaseSettings):  # pyright: ignore[reportIncompatibleVariableOverride]
    """All settings of a deployment, from the environment and `.env`; variables are the field names in capitals.

    `Settings.checked()` reads and validates them.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        # pydantic's own errors are the causes of ours, and tracebacks show them.
        hide_input_in_errors=True,
    )

    @classmethod
    def checked(cls, **values: Any) -> Self:  # noqa: ANN401
        """Read the environment and `.env`, and validate; the values given by field name take precedence.

        Raises:
            SettingsError: `.env` has a line that can't be read, or a value is unreadable or out of bounds.
        """
        env_file = values.get("_env_file", cls.model_config.get("env_file"))
        if env_file:
            check_env_file(Path(env_file))
        return super().checked(**values)

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the pipeline's own database, with its password.

        Raises:
            SettingsError: production has none set; a file in this machine's data folder would be taken for its data.
        """
        if self.signals_deployment is Deployment.PRODUCTION and not self.signals_database_url:
            raise SettingsError(
                "SIGNALS_DATABASE_URL: SIGNALS_DEPLOYMENT=production needs one; from your machine, run history in a"
                " stack on AWS with `signals backfill --stack NAME`"
            )
        return super().database_url

    @property
    def web_database_url(self) -> str:
        """SQLAlchemy URL that the web pages read, with its password."""
        if not self.signals_web_database_url:
            return self.database_url
        return url_with_password(self.signals_web_database_url, self.signals_reader_password)

    @property
    def knobs(self) -> Knobs:
        """Only the settings that shape signals."""
        values = {name: getattr(self, name) for name in Knobs.model_fields}
        return Knobs.model_validate(values)


def configuration_table() -> str:
    """The Markdown table of all settings in README.md."""
    fields = {name: field for group in GROUPS for name, field in group.model_fields.items()}
    return table(fields)
