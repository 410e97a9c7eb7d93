"""A local S3: moto's server, with one bucket a test."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager

import boto3  # type: ignore[import-untyped]
from moto.server import ThreadedMotoServer

_NUMBERS = itertools.count(1)


class ObjectStorage:
    """One server for a test session. Its address and keys stand in the environment, where every S3 client looks."""

    def __init__(self) -> None:
        """Start on a free port."""
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        os.environ.update(self.environment)

    def new_url(self) -> str:
        """A place in an empty bucket."""
        name = f"daydream-{next(_NUMBERS)}"
        boto3.client("s3").create_bucket(Bucket=name)
        return f"s3://{name}/studio"

    def stop(self) -> None:
        """Stop the server."""
        self._server.stop()
        for name in self.environment:
            os.environ.pop(name, None)


@contextmanager
def object_storage() -> Iterator[ObjectStorage]:
    """A server while the block lasts."""
    server = ObjectStorage()
    try:
        yield server
    finally:
        server.stop()
