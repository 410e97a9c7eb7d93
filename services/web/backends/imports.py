"""Pictures that others made, put into the visitor's timeline: streamed to tasks, which keeps them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import grpc
from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc

from services.foundation import errors
from services.foundation.rpc import client
from services.web.backends.accounts import Visitor

TAKE_SECONDS: Final = 330.0
"""A little more than tasks gives a sender: its own word for a slow one is the better answer."""


class Imports:
    """tasks: imported pictures."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Every call is made in the visitor's name."""
        self._tasks = tasks_pb2_grpc.TaskServiceStub(channel)

    async def take(
        self, visitor: Visitor, header: tasks_pb2.ImportHeader, pieces: AsyncIterator[bytes]
    ) -> tasks_pb2.Task:
        """Bring a picture; the same `header.request_id` with the same content is the first task.

        Raises InvalidInput for one that is refused, TooMuch, Unavailable, and what `pieces` raises.
        """
        call = self._tasks.ImportImage(metadata=client.bearer(visitor.identity), timeout=TAKE_SECONDS)
        try:
            with client.translated():
                # A call that has ended says why when its answer is asked for, and takes nothing more before that.
                with contextlib.suppress(asyncio.InvalidStateError):
                    await call.write(tasks_pb2.ImportImageRequest(header=header))
                    async for piece in pieces:
                        await call.write(tasks_pb2.ImportImageRequest(data=piece))
                    await call.done_writing()
                return (await call).task
        except errors.Unexpected as lost:
            # grpc.aio loses the status of a call that ends while a piece is on its way (grpc issue 36066): asked
            # without any pieces, what refuses so early (a key, a full purse of imports) says so again.
            raise await self._why(visitor, header, lost) from lost
        finally:
            call.cancel()

    async def _why(
        self, visitor: Visitor, header: tasks_pb2.ImportHeader, lost: errors.DaydreamError
    ) -> errors.DaydreamError:
        call = self._tasks.ImportImage(metadata=client.bearer(visitor.identity), timeout=TAKE_SECONDS)
        try:
            with client.translated():
                with contextlib.suppress(asyncio.InvalidStateError):
                    await call.write(tasks_pb2.ImportImageRequest(header=header))
                    await call.done_writing()
                await call
        except errors.InvalidInput:
            # That there is no picture in it is of our own making.
            return lost
        except errors.DaydreamError as error:
            return error
        finally:
            call.cancel()
        return lost
