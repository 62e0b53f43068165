"""Where files and the database are."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field, SecretStr, model_validator

from signals_pipeline.settings.choices import DatabaseUrl, Deployment, FramesUrl, GivenPath

DATA_FOLDER = Path("var")
# A folder of its own: what a deployment with live sources keeps is not mixed with, or deleted like, the demo's.
DEMO_FOLDER = DATA_FOLDER / "demo"

# A database URL with a user but no password: what stands before the "@", and the rest.
_WITHOUT_PASSWORD = re.compile(r"([a-z0-9+]+://[^:/@]+)(@.*)", re.DOTALL)


def url_with_password(url: str, password: SecretStr | None) -> str:
    """A database URL with this password; unchanged where it has one already or where there is none to insert."""
    parts = _WITHOUT_PASSWORD.fullmatch(url)
    if not password or not parts:
        return url
    before, after = parts.groups()
    return f"{before}:{quote(password.get_secret_value(), safe='')}{after}"


class Paths(BaseModel):
    """Where files and the database are, and the recorded inputs."""

    signals_data_dir: GivenPath = Field(
        default=DATA_FOLDER,
        description="Folder for frames, digests, models, the SQLite database and Dagster's runs, relative to"
        " DAGSTER_HOME where that is set; empty: var, in the demo var/demo",
    )
    signals_database_url: DatabaseUrl = Field(
        default="",
        repr=False,
        description="SQLAlchemy URL of the database; empty: SQLite file signals.db in the data folder",
    )
    signals_database_password: SecretStr | None = Field(
        default=None, description="Password that is inserted into SIGNALS_DATABASE_URL if the URL has none"
    )
    signals_database_roles: str = Field(
        default="",
        pattern=r"^([a-z][a-z0-9_]{0,39})?$",
        description="Prefix of the PostgreSQL roles that `signals prepare` makes, such as signals: signals_writer runs"
        " the pipeline, signals_reader serves the pages; empty: the role of SIGNALS_DATABASE_URL does everything",
    )
    signals_writer_password: SecretStr | None = Field(
        default=None, description="Password that `signals prepare` gives to the writer of SIGNALS_DATABASE_ROLES"
    )
    signals_reader_password: SecretStr | None = Field(
        default=None,
        description="Password that `signals prepare` gives to the reader of SIGNALS_DATABASE_ROLES; it is inserted into"
        " SIGNALS_WEB_DATABASE_URL if that has none",
    )
    signals_frames_url: FramesUrl = Field(
        default="", description="Folder or s3:// URL for frames; empty: frames/ in the data folder"
    )
    signals_models_dir: GivenPath | None = Field(
        default=None, description="Folder of prepared models; empty: models/ in the data folder"
    )
    signals_watchlist: GivenPath | None = Field(
        default=None,
        description="Watchlist file (YAML) or preset (dow30, nasdaq-megacaps); empty: the sample's watchlist",
    )
    signals_news_path: GivenPath | None = Field(
        default=None,
        description="Recorded headlines (CSV, JSONL or Parquet); empty: the sample's in the demo, live feeds otherwise",
    )
    signals_prices_path: GivenPath | None = Field(
        default=None,
        description="Recorded daily bars (CSV or Parquet); empty: the sample's in the demo, live Yahoo bars otherwise",
    )
    signals_earnings_path: Path | None = Field(
        default=None,
        description="Recorded earnings dates (CSV); empty: those of EARNINGS_SOURCE where prices are live, otherwise"
        " none",
    )

    @model_validator(mode="before")
    @classmethod
    def _place_data(cls, values: dict[str, Any]) -> dict[str, Any]:
        """The data folder of the deployment, the same from every working directory where DAGSTER_HOME is set."""
        demo = values.get("signals_deployment") in (None, "", Deployment.DEMO)
        folder = values.get("signals_data_dir") or (DEMO_FOLDER if demo else DATA_FOLDER)
        home = values.get("dagster_home")
        # What is no path is left to the field's own validation.
        if home and isinstance(folder, str | Path) and not str(folder).startswith("~"):
            folder = Path(home) / folder
        return {**values, "signals_data_dir": folder}

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the pipeline's own database, with its password."""
        if not self.signals_database_url:
            return f"sqlite:///{(self.signals_data_dir / 'signals.db').absolute()}"
        return url_with_password(self.signals_database_url, self.signals_database_password)

    @property
    def frames_url(self) -> str:
        """Folder or URL of the stages' frames, one file per stage and window."""
        return self.signals_frames_url or str((self.signals_data_dir / "frames").absolute())

    @property
    def models_dir(self) -> Path:
        """Folder of prepared models, one sub-folder per model."""
        return (self.signals_models_dir or self.signals_data_dir / "models").absolute()

    @property
    def digests_dir(self) -> Path:
        """Folder of the rendered digests."""
        return (self.signals_data_dir / "digests").absolute()

    @property
    def record_dir(self) -> Path:
        """Folder of the figures of the track record and of tuning."""
        return (self.signals_data_dir / "record").absolute()

    @property
    def mail_dir(self) -> Path:
        """Folder of the mails that MAIL_TRANSPORT=files writes."""
        return (self.signals_data_dir / "mail").absolute()
