"""Where things live."""

from pathlib import Path

from pydantic import Field

from signals_pipeline.settings.choices import Deployment
from signals_pipeline.settings.strategy import Knobs


class Places(Knobs):
    """Where things live."""

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

    @property
    def frames_url(self) -> str:
        """Folder or URL under which the stages' frames are kept, one file a window."""
        return self.signals_frames_url or str((self.signals_data_dir / "frames").absolute())

    @property
    def digests_dir(self) -> Path:
        """Folder of the rendered digests."""
        return (self.signals_data_dir / "digests").absolute()

    @property
    def record_dir(self) -> Path:
        """Folder of the record's and the tuning's figures."""
        return (self.signals_data_dir / "record").absolute()

    @property
    def mail_dir(self) -> Path:
        """Folder of the mails that MAIL_TRANSPORT=files writes."""
        return (self.signals_data_dir / "mail").absolute()
