"""The web pages, the API, and the links to them."""

from pydantic import BaseModel, Field, SecretStr

from signals_pipeline.settings.choices import BaseUrl, DatabaseUrl, PublishUrl, QueueUrl


class Web(BaseModel):
    """The web pages, the API, and the links to them."""

    signals_base_url: BaseUrl = Field(
        default="",
        description="Public URL of the web pages, for links in mails; empty: mails have no links to them",
    )
    signals_link_key: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="Secret key that signs unsubscribe and feedback links, at least 32 characters",
    )
    signals_web_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Bearer token that `/api/v1` requires, at least 16 characters; empty: no authentication",
    )
    # 600: ten requests per second on average, far more than a reader clicks, far fewer than a scraper sends.
    signals_web_rate: float = Field(
        default=600, ge=0, description="Maximum requests per minute from one client of the web pages; 0: no limit"
    )
    signals_web_database_url: DatabaseUrl = Field(
        default="",
        repr=False,
        description="SQLAlchemy URL that the web pages use, with a read-only role; empty: the pipeline's own",
    )
    signals_publish_url: PublishUrl = Field(
        default="",
        description="Folder to which live runs publish pages, API and feed as static files: s3://bucket/folder or"
        " file:///folder; empty: nothing is published",
    )
    signals_reader_queue: QueueUrl = Field(
        default="",
        description="URL of the SQS queue with readers' requests (unsubscribe, feedback) and with bounces and"
        " complaints; empty: none",
    )
