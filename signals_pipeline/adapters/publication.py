"""Where published pages are kept: a folder on this machine, or a prefix of an S3 bucket.

Both take one object at a time, whole or not at all. `web.publication` decides what is published and in which order.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# boto3 and botocore have no types.

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from signals_pipeline.adapters.atomic_write import write_bytes
from signals_pipeline.adapters.mail.transport import error_line
from signals_pipeline.core.errors import SignalsError


class PublicationError(SignalsError):
    """What is published can't be read or changed; the message is one line."""


@dataclass(frozen=True, slots=True)
class PublishedObject:
    """A file as a web server hands it out.

    Attributes:
        name: Path below the destination, without a slash at its beginning.
        body: Content.
        content_type: Media type.
        cache_control: Header of that name.
    """

    name: str
    body: bytes
    content_type: str
    cache_control: str


@dataclass(slots=True)
class PublicationReport:
    """What one publication did.

    Attributes:
        pages: Number of addresses that are published now.
        rendered: Number of those that were rendered.
        written: Number of files that were written.
        deleted: Number of files that were deleted.
        problems: One line per page that the application answers with an error, which is published as it is; and one
            if the manifest was damaged.
    """

    pages: int = 0
    rendered: int = 0
    written: int = 0
    deleted: int = 0
    problems: list[str] = field(default_factory=list)


class PublicationStore(Protocol):
    """A destination. Methods raise `PublicationError`; `write` and `delete` may be called from several threads."""

    def read(self, name: str) -> bytes | None:
        """Return an object's content; None where there is none."""
        ...

    def write(self, published: PublishedObject) -> None:
        """Write an object in place of a former one, atomically."""
        ...

    def delete(self, name: str) -> None:
        """Delete an object; no error where there is none."""
        ...


def publication_store(url: str, endpoint: str = "") -> PublicationStore:
    """Return the destination at a URL that the settings have checked.

    Args:
        url: `s3://bucket/folder` or `file:///folder`.
        endpoint: Address of S3; empty: the region's.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FolderStore(Path(unquote(parts.path)))
    return BucketStore(parts.netloc, parts.path.strip("/"), endpoint)


@dataclass(frozen=True, slots=True)
class FolderStore:
    """A folder, which any static web server can serve; media types follow from the names."""

    folder: Path

    def read(self, name: str) -> bytes | None:
        """Return an object's content; None where there is none."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _folder_error(error, self.folder / name) from error

    def write(self, published: PublishedObject) -> None:
        """Write a file in place of a former one, atomically."""
        path = self.folder / published.name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, published.body)
        except OSError as error:
            raise _folder_error(error, path) from error

    def delete(self, name: str) -> None:
        """Delete a file; no error where there is none."""
        try:
            (self.folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise _folder_error(error, self.folder / name) from error


def _folder_error(error: OSError, path: Path) -> PublicationError:
    return PublicationError(f"{path}: {error.strerror}; make SIGNALS_PUBLISH_URL a folder that this user may write to")


@dataclass(frozen=True)
class BucketStore:
    """A prefix of an S3 bucket; boto3 finds region and credentials."""

    bucket: str
    prefix: str
    endpoint: str = ""

    def read(self, name: str) -> bytes | None:
        """Return an object's content; None where there is none."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._client.get_object(Bucket=self.bucket, Key=self._key(name))["Body"].read()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "NoSuchKey":
                return None
            raise self._error(error) from error
        except BotoCoreError as error:
            raise self._error(error) from error

    def write(self, published: PublishedObject) -> None:
        """Write an object in place of a former one; S3 shows either of them whole."""
        self._call(
            "put_object",
            Key=self._key(published.name),
            Body=published.body,
            ContentType=published.content_type,
            CacheControl=published.cache_control,
        )

    def delete(self, name: str) -> None:
        """Delete an object; no error where there is none."""
        self._call("delete_object", Key=self._key(name))

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - boto3's clients have no type
        import boto3
        from botocore.config import Config

        # All calls are idempotent; S3 asks clients to retry 503 SlowDown and broken connections.
        config = Config(retries={"total_max_attempts": 5, "mode": "standard"}, connect_timeout=5, read_timeout=20)
        return boto3.client("s3", config=config, endpoint_url=self.endpoint or None)

    def _call(self, operation: str, **arguments: object) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            getattr(self._client, operation)(Bucket=self.bucket, **arguments)
        except (BotoCoreError, ClientError) as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> PublicationError:
        return PublicationError(f"s3://{self.bucket}/{self.prefix}: {error_line(error)}")
