"""A picture straight from the worker: the client that inference.md goes through, on nothing but the stubs in `gen/`.

    SERVICE=my-program SERVICE_SECRET=… AUTH_TARGET=127.0.0.1:8011 GPU_TARGET=127.0.0.1:8013 \\
        PYTHONPATH=gen python docs/inference_client.py "a red house under a yellow sun" [start image]
"""

import os
import sys
import time
from pathlib import Path
from typing import Any, Final

import grpc
from daydream.auth.v1 import auth_pb2, auth_pb2_grpc
from daydream.gpu.v1 import inference_pb2, inference_pb2_grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

SECONDS: Final = 120.0
"""For the whole request, waiting for a slot included; the worker stops drawing when it is over."""
LONGEST_WAIT: Final = 10.0
"""Seconds until the next try where the worker is full."""
OPTIONS: Final = (
    # Both sides of a call keep to messages of 4 MiB; images come in pieces of 1 MiB.
    ("grpc.max_receive_message_length", 4 * 1024 * 1024),
    # A worker that is gone, or stopped, is noticed within half a minute instead of never.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
)


def service_token(auth_target: str, service: str, secret: str) -> str:
    """A token for this program, good for some minutes; its name and secret stand in AUTH_SERVICE_SECRETS."""
    with grpc.insecure_channel(auth_target, options=OPTIONS) as channel:
        stub = auth_pb2_grpc.AuthServiceStub(channel)
        asked = auth_pb2.IssueServiceTokenRequest(service=service, secret=secret)
        return stub.IssueServiceToken(asked, timeout=10).identity_token.token


def generate(gpu_target: str, token: str, request: inference_pb2.GenerateRequest) -> list[Path]:
    """Draw, and write every image into the working directory; where the worker is full, come again when it says."""
    deadline = time.monotonic() + SECONDS
    metadata = (("authorization", f"Bearer {token}"),)
    with grpc.insecure_channel(gpu_target, options=OPTIONS) as channel:
        stub = inference_pb2_grpc.InferenceServiceStub(channel)
        while True:
            try:
                return read(stub.Generate(request, timeout=deadline - time.monotonic(), metadata=metadata))
            except grpc.RpcError as error:
                suggested = retry_after(error)
                if suggested is None or time.monotonic() + LONGEST_WAIT > deadline:
                    raise
                # A guess: what runs there may be cancelled any moment.
                wait = min(suggested, LONGEST_WAIT)
                print(f"the worker is full; again in {wait:.0f} s", flush=True)
                time.sleep(wait)


def read(call: Any) -> list[Path]:
    """Read one stream to its end. Leaving it early, or `call.cancel()`, frees the slot at the next step."""
    pieces: dict[int, bytearray] = {}
    written: list[Path] = []
    for response in call:
        match response.WhichOneof("event"):
            case "admitted":
                print(f"drawing with {response.admitted.model}, seed {response.admitted.seed}")
            case "step":
                print(f"step {response.step.step} of {response.step.steps}, {response.step.remaining_ms} ms left")
            case "image_chunk":
                chunk = response.image_chunk
                image = pieces.setdefault(chunk.sample_index, bytearray())
                image += chunk.data
                if len(image) == chunk.total_bytes:
                    written.append(Path(f"{chunk.seed}.png"))
                    written[-1].write_bytes(image)
            case "finished":
                print(f"{response.finished.images} images in {response.finished.duration_ms} ms")
    return written


def retry_after(error: grpc.RpcError) -> float | None:
    """Seconds to wait before the same request may go better; None where it would not."""
    # What a call fails with is the call, too, which its type does not say.
    call: Any = error
    status = rpc_status.from_call(call)
    for detail in status.details if status is not None else ():
        retry = error_details_pb2.RetryInfo()
        if detail.Unpack(retry):
            return float(retry.retry_delay.ToMilliseconds() / 1000)
    return None


def main() -> None:
    """Draw what the command line asks for."""
    prompt, *start = sys.argv[1:]
    token = service_token(os.environ["AUTH_TARGET"], os.environ["SERVICE"], os.environ["SERVICE_SECRET"])
    request = inference_pb2.GenerateRequest(prompt=prompt, steps=4, seed=7)
    if start:
        request.start_image = Path(start[0]).read_bytes()
        request.strength = 0.6
    try:
        for path in generate(os.environ["GPU_TARGET"], token, request):
            print(path)
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")


if __name__ == "__main__":
    main()
