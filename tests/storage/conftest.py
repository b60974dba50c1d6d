"""Real servers that speak as S3 and Google do, one of each for all tests of this folder."""

from __future__ import annotations

import re
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
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name)[-60:].strip("-")
    made = boto3.resource("s3", endpoint_url=server, region_name="us-east-1").Bucket(name)
    made.create()
    return made


@pytest.fixture(scope="package")
def google() -> Iterator[str]:
    reason = "no server of Google Cloud Storage is installed (gcp-storage-emulator)"
    module = pytest.importorskip("gcp_storage_emulator.server", reason=reason)
    running = module.create_server("127.0.0.1", 0, in_memory=True, default_bucket="bucket")
    running.start()
    yield f"http://127.0.0.1:{running._api._httpd.server_port}"
    running.stop()


@pytest.fixture(params=["s3", "gs"])
def address(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """That of an empty bucket in each storage."""
    if request.param == "s3":
        return f"s3://{request.getfixturevalue('bucket').name}"
    server = request.getfixturevalue("google")
    monkeypatch.setenv("CLOUD_STORAGE_EMULATOR_ENDPOINT", server)
    return "gs://anonymous@bucket"
