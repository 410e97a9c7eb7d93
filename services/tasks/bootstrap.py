"""What is wired to what. Nothing here decides, and nothing connects before `Service.start`."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Coroutine
from typing import Any, Final

import grpc
import shortuuid
from daydream.tasks.v1 import admin_pb2_grpc, gallery_pb2_grpc, tasks_pb2_grpc

from services.foundation import database, identity, logs
from services.foundation.rpc import client, server
from services.tasks import access
from services.tasks.files.archive import Archive
from services.tasks.files.found import DataFolder
from services.tasks.files.gallery import Gallery
from services.tasks.files.images import ImageFiles
from services.tasks.files.imports import Bounds, Imports
from services.tasks.files.intake import Intake
from services.tasks.files.links import Links
from services.tasks.files.removal import Removal
from services.tasks.files.storage import open_storage
from services.tasks.files.uploads import Uploads
from services.tasks.machine.crew import Crew
from services.tasks.machine.office import Office
from services.tasks.machine.watch import MachineWatch
from services.tasks.people.accounts import Accounts
from services.tasks.people.erasure import Erasure
from services.tasks.people.presence import Presence
from services.tasks.queue.ledger import Ledger
from services.tasks.queue.lineup import Lineup
from services.tasks.queue.outbox import Relays
from services.tasks.queue.recovery import Recovery
from services.tasks.queue.unoffered import Unoffered
from services.tasks.settings import Settings
from services.tasks.store.base import Database
from services.tasks.store.deeds import Deeds
from services.tasks.store.erasure import ErasureRows
from services.tasks.store.found import FoundFiles
from services.tasks.store.gallery import Gallery as GalleryRows
from services.tasks.store.images import Images
from services.tasks.store.imports import Imports as ImportRows
from services.tasks.store.inbox import Inbox
from services.tasks.store.leases import Leases
from services.tasks.store.links import Links as LinkRows
from services.tasks.store.machine import Machine
from services.tasks.store.outbox import Outbox
from services.tasks.store.presence import Presences
from services.tasks.store.tasks import Tasks
from services.tasks.store.uploads import Uploads as UploadRows
from services.tasks.store.workers import Workers
from services.tasks.watching.board import Board
from services.tasks.watching.watch import Watching
from services.tasks.wire import bus, messages, model_messages
from services.tasks.wire.admin_servicer import AdminServicer
from services.tasks.wire.bus import Bus
from services.tasks.wire.gallery_servicer import GalleryServicer
from services.tasks.wire.purse import GrpcPurse
from services.tasks.wire.task_servicer import TaskServicer
from services.tasks.wire.worker import GrpcWorker
from services.tasks.workers import roster
from services.tasks.workers.attempt import Pace
from services.tasks.workers.dispatcher import Dispatcher
from services.tasks.workers.fleet import Fleet
from services.tasks.workers.generation import Worker
from services.tasks.workers.roster import Lookup, Roster
from services.tasks.workers.sources import Sources, Supplied

log = logs.logger(__name__)
NAME: Final = "tasks"
GOODBYE_SECONDS: Final = 5.0
"""After the last attempt: for giving tasks back, telling watchers so, and sending them to another replica."""


class Service:
    """One replica of the ledger."""

    def __init__(self, settings: Settings, *, look_up: Lookup = roster.look_up) -> None:
        """Build every part; to be called with an event loop running. `look_up` resolves the names of workers."""
        # No dispatcher that ever was may have had the same name: leases are told apart by it.
        replica = f"{socket.gethostname()[:30]}-{os.getpid()}-{shortuuid.ShortUUID().random(8)}"
        pace = Pace(lease_seconds=settings.lease_seconds, beat_seconds=settings.lease_seconds / 3)
        self._settings = settings
        self._engine = database.open_engine(settings.database)
        store = Database(self._engine, encode_ended=messages.to_task_ended)
        tasks = Tasks(store)
        workers = Workers(store)
        leases = Leases(store, owner=replica, seconds=pace.lease_seconds)
        storage = open_storage(settings.images)
        images = ImageFiles(storage)
        intake = Intake()
        uploads = Uploads(rows=UploadRows(store), storage=storage, intake=intake)
        links = Links(rows=LinkRows(store), files=images)

        self._auth = client.channel(settings.auth_target)
        self._gpus: dict[str, grpc.aio.Channel] = {}
        own = client.ServiceIdentity(self._auth, service=NAME, secret=settings.service_secret)
        purse = GrpcPurse(self._auth, own)

        self._bus = Bus(settings.nats_url, origin=replica)
        self._board = Board(self._bus)
        self._relays = Relays(outbox=Outbox(store), purse=purse, publisher=self._bus.publisher, announcer=self._board)
        self._fleet = Fleet(
            store=workers,
            encode=model_messages.encode_capabilities,
            decode=model_messages.decode_capabilities,
        )

        sources = Sources(uploads=uploads, images=tasks, files=images)

        def connect(target: str) -> Worker:
            self._gpus[target] = client.channel(target)
            return Supplied(GrpcWorker(self._gpus[target], own), sources)

        async def disconnect(target: str) -> None:
            await self._gpus.pop(target).close()

        self._roster = Roster(
            settings.worker_targets, fleet=self._fleet, connect=connect, disconnect=disconnect, look_up=look_up
        )
        self._dispatcher = Dispatcher(
            leases=leases,
            fleet=self._fleet,
            images=images,
            announcer=self._board,
            pace=pace,
            settle_now=self._relays.wake,
        )
        self._recovery = Recovery(
            tasks=tasks,
            leases=leases,
            files=images,
            uploads=uploads,
            links=links,
            announcer=self._board,
            settle_now=self._relays.wake,
            every_seconds=settings.lease_seconds / 2,
        )
        self._unoffered = Unoffered(
            leases=leases,
            workers=workers,
            decode=model_messages.decode_capabilities,
            announcer=self._board,
            settle_now=self._relays.wake,
            patience_seconds=settings.model_wait_seconds,
            every_seconds=settings.lease_seconds / 2,
        )
        self._presence = Presence(
            store=Presences(store),
            announcer=self._board,
            settle_now=self._relays.wake,
            lease_seconds=settings.presence_seconds,
        )
        self._consumers = bus.consumers(
            Accounts(
                inbox=Inbox(store),
                erasing=Erasure(
                    rows=ErasureRows(store),
                    tasks=tasks,
                    files=images,
                    announcer=self._board,
                    settle_now=self._relays.wake,
                ),
                somebody_left=self._presence.look_now,
                now=database.utc_now,
            )
        )
        lineup = Lineup(tasks=tasks, crew=self._fleet, board=self._board)
        self._board.listen(self._dispatcher.hear)
        self._fleet.listen(self._dispatcher.wake)

        self._server = server.Server(
            verifier=identity.Verifier(audience=NAME, fetch_keys=client.key_fetcher(self._auth)), access=access.ACCESS
        )
        watching = Watching(
            tasks=tasks,
            board=self._board,
            lineup=lineup,
            presence=self._presence,
            connected=lambda: self._bus.connected,
        )
        servicer = TaskServicer(
            ledger=Ledger(
                tasks=tasks,
                purse=purse,
                announcer=self._board,
                models=self._fleet.models,
                queue_limit=settings.queue_limit,
                queue_limit_per_user=settings.queue_limit_per_user,
                settle_now=self._relays.wake,
            ),
            watching=watching,
            presence=self._presence,
            lineup=lineup,
            fleet=self._fleet,
            images=images,
            archive=Archive(rows=Images(store), files=images),
            uploads=uploads,
            removal=Removal(rows=Images(store), files=images, announcer=self._board),
            imports=Imports(
                requests=tasks,
                rows=ImportRows(store),
                files=images,
                intake=intake,
                announcer=self._board,
                bounds=Bounds(pictures_kept=settings.import_limit_per_user, bytes_kept=settings.import_bytes_per_user),
            ),
            links=links,
        )
        tasks_pb2_grpc.add_TaskServiceServicer_to_server(servicer, self._server.grpc)
        gallery = Gallery(rows=GalleryRows(store), files=images, announcer=self._board)
        gallery_pb2_grpc.add_GalleryServiceServicer_to_server(GalleryServicer(gallery), self._server.grpc)
        machine = Machine(store)
        crew = Crew(fleet=self._fleet, rows=machine, decode=model_messages.decode_capabilities, now=database.utc_now)
        admin = AdminServicer(
            office=Office(rows=machine, deeds=Deeds(store), announcer=self._board, settle_now=self._relays.wake),
            crew=crew,
            watch=MachineWatch(rows=machine, crew=crew, board=self._board, lineup=lineup, watching=watching),
            lineup=lineup,
            queue_limit=settings.queue_limit,
        )
        admin_pb2_grpc.add_AdminServiceServicer_to_server(admin, self._server.grpc)
        self._data_folder = DataFolder(rows=FoundFiles(store), storage=storage, files=images)
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Listen and work. Raises CannotListen."""
        await self._fleet.load()
        await self._server.start(self._settings.bind, [access.SERVICE, access.GALLERY, access.ADMIN])
        for name, loop in (
            ("bus", self._bus.run(self._board.hear, self._board.end, self._consumers)),
            *((consumer.name, consumer.run()) for consumer in self._consumers),
            ("fleet", self._fleet.run()),
            ("roster", self._roster.run()),
            ("relays", self._relays.run()),
            ("recovery", self._recovery.run()),
            ("unoffered", self._unoffered.run()),
            ("presence", self._presence.run()),
            ("data folder", self._data_folder.run()),
            ("dispatcher", self._dispatcher.run()),
        ):
            self._loops.append(asyncio.create_task(self._supervised(name, loop), name=name))
        await self._server.ready()

    async def stop(self) -> None:
        """Drain: nothing new, let what runs end in time, give the rest back, then close everything."""
        # Longer than the attempts have, or streams would be cut off before they have told how those ended.
        closing = asyncio.create_task(self._server.drain(self._settings.drain_seconds + GOODBYE_SECONDS))
        await self._dispatcher.drain(self._settings.drain_seconds)
        # Watchers have seen how their tasks ended or went back; now they are sent to another replica.
        self._board.close()
        await closing
        await self.abandon()

    async def abandon(self) -> None:
        """Close everything at once, also after a start that failed half-way."""
        running = set(self._loops)
        while running:
            # Once more if need be: before Python 3.12 a `wait_for`, such as nats-py's, can swallow a cancellation.
            for loop in running:
                loop.cancel()
            _, running = await asyncio.wait(running, timeout=3)
        await self._server.grpc.stop(None)
        for channel in (self._auth, *self._gpus.values()):
            await channel.close()
        await self._engine.dispose()

    async def failed(self) -> None:
        """Return when a loop that must never end has ended: the process is then of no more use."""
        await asyncio.wait(self._loops, return_when=asyncio.FIRST_COMPLETED)

    @staticmethod
    async def _supervised(name: str, loop: Coroutine[Any, Any, None]) -> None:
        try:
            await loop
        except Exception:
            log.exception("a loop broke", loop=name)


async def serve(settings: Settings) -> bool:
    """Run one replica until told to stop; whether it ended well. Raises CannotListen."""
    # Before anything listens: whoever finds the port open may already send SIGTERM.
    told = asyncio.create_task(server.until_told_to_stop())
    service = Service(settings)
    try:
        await service.start()
    except BaseException:
        told.cancel()
        await service.abandon()
        raise
    broken = asyncio.create_task(service.failed())
    await asyncio.wait({told, broken}, return_when=asyncio.FIRST_COMPLETED)
    well = told.done()
    await service.stop()
    for each in (told, broken):
        each.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await each
    return well
