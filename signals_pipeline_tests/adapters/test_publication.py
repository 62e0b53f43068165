"""Destinations of published pages: a folder and S3 keep the same contract."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from signals_pipeline.adapters.publication import (
    BucketStore,
    PublicationError,
    PublicationStore,
    PublishedObject,
    publication_store,
)
from signals_pipeline_tests.deploy.conftest import aws, aws_server
from signals_pipeline_tests.support.aws_clients import client

__all__ = ["aws", "aws_server"]
PAGE = PublishedObject(
    "digests/2015-02-02-17:30@a=b&c.html", b"<p>one", "text/html; charset=utf-8", "private, no-cache"
)


@pytest.fixture(params=["folder", "bucket"])
def destination(request: pytest.FixtureRequest, tmp_path: Path, aws: str) -> Iterator[PublicationStore]:
    if request.param == "folder":
        yield publication_store(f"file://{tmp_path}/a%20site/public")
        return
    client("s3").create_bucket(Bucket="pages")
    yield publication_store("s3://pages/public", aws)


def test_what_is_written_is_read_replaced_and_deleted(destination: PublicationStore) -> None:
    assert destination.read(PAGE.name) is None
    destination.write(PAGE)
    assert destination.read(PAGE.name) == b"<p>one"
    destination.write(PublishedObject(PAGE.name, b"two", PAGE.content_type, PAGE.cache_control))
    assert destination.read(PAGE.name) == b"two"
    destination.delete(PAGE.name)
    destination.delete(PAGE.name)
    assert destination.read(PAGE.name) is None


def test_objects_of_s3_have_their_type_and_lie_below_the_prefix(aws: str) -> None:
    client("s3").create_bucket(Bucket="pages")
    publication_store("s3://pages/public/site/", aws).write(PAGE)
    stored = client("s3").get_object(Bucket="pages", Key=f"public/site/{PAGE.name}")
    assert (stored["ContentType"], stored["CacheControl"]) == (PAGE.content_type, PAGE.cache_control)
    publication_store("s3://pages", aws).write(PAGE)
    assert client("s3").get_object(Bucket="pages", Key=PAGE.name)["Body"].read() == PAGE.body


def test_a_bucket_that_is_not_there_is_one_line_for_every_operation(aws: str) -> None:
    store = publication_store("s3://nothing-here/public", aws)
    for operate in (lambda: store.write(PAGE), lambda: store.delete("x"), lambda: store.read("x")):
        with pytest.raises(PublicationError, match=r"^s3://nothing-here/public: .*bucket") as caught:
            operate()
        assert "\n" not in str(caught.value)


def test_a_service_that_is_not_reached_is_one_line(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setattr(BucketStore, "_client", _refused())
    for operate in (lambda: BucketStore("b", "p").read("x"), lambda: BucketStore("b", "p").write(PAGE)):
        with pytest.raises(PublicationError, match="s3://b/p: Could not connect"):
            operate()


def _refused() -> object:
    import boto3
    from botocore.config import Config

    return boto3.client("s3", endpoint_url="http://127.0.0.1:1", config=Config(retries={"total_max_attempts": 1}))


def test_a_folder_that_can_not_be_written_names_the_file_and_what_to_do(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    store = publication_store(f"file://{blocked}")
    for operate in (lambda: store.write(PAGE), lambda: store.read("x"), lambda: store.delete("x")):
        with pytest.raises(PublicationError, match="Not a directory; make SIGNALS_PUBLISH_URL a folder"):
            operate()
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208
