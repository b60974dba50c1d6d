"""A real S3-compatible server, one for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="package")
def server() -> Iterator[str]:
    reason = "no S3-compatible server is installed (moto)"
    moto = pytest.importorskip("moto.server", reason=reason)
    running = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """An empty bucket, which the environment leads to."""
    import boto3

    for name, value in {
        "AWS_ACCESS_KEY_ID": "some",
        "AWS_SECRET_ACCESS_KEY": "thing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server,
    }.items():
        monkeypatch.setenv(name, value)
    name = request.node.name.replace("_", "-")[-60:].strip("-")
    made = boto3.resource("s3", endpoint_url=server, region_name="us-east-1").Bucket(name)
    made.create()
    return made
