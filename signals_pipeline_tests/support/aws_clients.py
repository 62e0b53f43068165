"""boto3 clients of the local stand-in for AWS."""

import functools
import os
from typing import Any

from signals_pipeline_tests.support.stack_template import REGION


def client(service: str) -> Any:
    """A boto3 client of the stand-in; tests share it, so nothing may be registered on it."""
    return _shared(service, os.environ["AWS_ENDPOINT_URL"])


def own_client(service: str) -> Any:
    """A boto3 client of the stand-in that the test may change."""
    return _made(service, os.environ["AWS_ENDPOINT_URL"])


def _made(service: str, address: str) -> Any:
    import boto3

    return boto3.client(service, region_name=REGION, endpoint_url=address)


_shared = functools.cache(_made)  # a client takes 30 ms to make
