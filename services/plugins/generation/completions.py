"""What the ledger says of generations that have ended: whoever follows the drawing looks again, should it not know."""

from typing import Final

from daydream.tasks.v1 import tasks_pb2

from services.foundation import events
from services.foundation.consumer import Consumer, Heard
from services.plugins.generation.store import Drawings
from services.plugins.generation.threads import Threads

NAME: Final = "plugins-task-ended"


class Completions:
    """Hears completion events. Each is noted in the row that it concerns, however often it comes."""

    def __init__(self, drawings: Drawings, threads: Threads) -> None:
        """Nothing is heard yet."""
        self._drawings, self._threads = drawings, threads

    async def hear(self, heard: Heard) -> None:
        """Take one event. Raises what the database raises: it comes again."""
        task = tasks_pb2.TaskEnded.FromString(heard.payload).task
        if task.reference:
            await self._threads.once(lambda: self._drawings.hear(task.reference))

    def consumer(self) -> Consumer:
        """What pulls the events, one for all replicas."""
        return Consumer(name=NAME, stream=events.TASKS_STREAM, subject=events.TASK_ENDED, handle=self.hear)
