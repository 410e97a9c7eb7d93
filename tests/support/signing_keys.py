"""An auth service that knows one thing, the tests' signing key: enough for another service to verify tokens."""

import contextlib
from collections.abc import Iterator
from concurrent import futures

import grpc
from daydream.auth.v1 import auth_pb2

from tests.support import identity


def _list_signing_keys(
    request: auth_pb2.ListSigningKeysRequest, context: grpc.ServicerContext
) -> auth_pb2.ListSigningKeysResponse:
    key = auth_pb2.SigningKey(key_id=identity.KEY_ID, public_key=identity.PUBLIC_KEY)
    return auth_pb2.ListSigningKeysResponse(signing_keys=[key])


@contextlib.contextmanager
def serve() -> Iterator[str]:
    """Serve on a free port, in threads of its own; gives the target."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    method = grpc.unary_unary_rpc_method_handler(
        _list_signing_keys,
        request_deserializer=auth_pb2.ListSigningKeysRequest.FromString,
        response_serializer=auth_pb2.ListSigningKeysResponse.SerializeToString,
    )
    handlers = grpc.method_handlers_generic_handler("daydream.auth.v1.AuthService", {"ListSigningKeys": method})
    server.add_generic_rpc_handlers((handlers,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None)
