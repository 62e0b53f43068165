"""The application starts light, and renders each digest once."""

import subprocess
import sys
from datetime import timedelta

from signals_pipeline.adapters.clock import utc_now
from signals_pipeline.web import pages, responses
from signals_pipeline.web.conditional import Representation
from signals_pipeline_tests.support.web_site import TOLD, site


def test_serving_pages_loads_neither_dagster_nor_a_model() -> None:
    code = (
        "import sys, signals_pipeline.cli.web; print(*{'dagster', 'onnxruntime', 'torch', 'boto3'} & set(sys.modules))"
    )

    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert printed.strip() == ""


def test_the_clock_is_aware_and_in_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)


def test_a_digest_is_rendered_once_and_the_cache_is_bounded(filled_url: str) -> None:
    caches = (responses.digest_representation, pages.digest_page)
    for cache in caches:
        cache.cache_clear()

    with site(filled_url) as client:
        for path in ("/api/v1/digest", f"/api/v1/digest?window={TOLD.key}", *[f"/digests/{TOLD.key}"] * 2):
            assert client.get(path).status_code == 200

    for cache in caches:
        info = cache.cache_info()
        assert (info.misses, info.hits) == (1, 1)
        assert info.maxsize == responses.MAXIMUM_CACHED


def test_an_etag_is_the_given_name_or_names_the_body() -> None:
    assert Representation.from_body(b"x").etag != Representation.from_body(b"y").etag
    assert Representation.from_body(b"x", "name").etag == '"name"'
