"""Every knob once: name, type, unit, default, bounds and meaning. The only reader of the environment.

`Knobs` are the numbers that shape signals; they can be set by environment variable and per run in the launchpad, and
are stored with every digest. `Settings` adds, a class a group and each on the one before, where things live
and how the pipeline reaches others.
All are validated; a bad value is one clear line.
"""

import re
from pathlib import Path
from urllib.parse import quote

from pydantic_settings import BaseSettings, SettingsConfigDict

from signals_pipeline.settings.choices import (
    Deployment,
    Generator,
    GivesUp,
    MailTransport,
    Metrics,
    ModelChoice,
    NewsApiPlan,
    SmtpTls,
)
from signals_pipeline.settings.documentation import table
from signals_pipeline.settings.operation import Operation
from signals_pipeline.settings.strategy import Knobs, OverriddenKnobs, SettingsError

__all__ = [
    "Deployment",
    "Generator",
    "GivesUp",
    "Knobs",
    "MailTransport",
    "Metrics",
    "ModelChoice",
    "NewsApiPlan",
    "OverriddenKnobs",
    "Settings",
    "SettingsError",
    "SmtpTls",
    "configuration_table",
]


class Settings(Operation, BaseSettings):
    """The knobs and where things live, from the environment and `.env`; variables are the field names in capitals.

    `Settings.checked()` reads them all and says in one line a problem what is wrong.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True
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
    def models_dir(self) -> Path:
        """Folder of prepared models, one a sub-folder."""
        return (self.signals_models_dir or self.signals_data_dir / "models").absolute()


def configuration_table() -> str:
    """The Markdown table of every variable, its default and meaning, as README.md carries it."""
    return table(Settings.model_fields)
