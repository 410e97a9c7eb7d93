"""Whether a service behind the gateway serves."""

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc


async def serving(stub: health_pb2_grpc.HealthStub) -> bool:
    """Whether it answers and says so."""
    try:
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=2)  # type: ignore[attr-defined]
    except grpc.RpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
