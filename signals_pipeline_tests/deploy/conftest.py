"""A local stand-in for AWS over real sockets, emptied for every test."""

import logging
import os
from collections.abc import Iterator

import pytest
import yaml

from signals_pipeline_tests.support.stack_template import REGION


class LibYamlLoader(yaml.CLoader, yaml.Loader):
    """The stand-in's loader, with what it adds to it, over the parser in C: a template in a tenth of the time."""


@pytest.fixture(scope="session")
def aws_server() -> Iterator[str]:
    """The address of a moto server of this session."""
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"  # a second of machine images a test, which no test asks for
    moto_server = pytest.importorskip("moto.server")
    yaml.Loader = LibYamlLoader  # what it reads templates with
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto_server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(aws_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The stand-in's address, with nothing in it; boto3 speaks to it alone."""
    import requests

    for name, value in {
        "AWS_ENDPOINT_URL": aws_server,
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    requests.post(f"{aws_server}/moto-api/reset", timeout=10)
    return aws_server


@pytest.fixture
def fresh_session(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """No region and no credential remembered from an earlier test."""
    import boto3

    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
