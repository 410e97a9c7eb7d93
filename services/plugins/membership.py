"""What makes the host a part of Daydream, where people have to sign in: auth says who calls, and events are heard."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from daydream.auth.v1 import events_pb2
from flask import Flask
from google.protobuf.message import DecodeError
from starlette.types import ASGIApp

from services.foundation import events, logs
from services.foundation.bridge import Bridge
from services.foundation.consumer import Consumer
from services.foundation.identity import Verifier
from services.foundation.rpc import client
from services.plugins.identity import checks
from services.plugins.identity.answers import Answers
from services.plugins.identity.gate import Gate
from services.plugins.identity.leaving import Leaving
from services.plugins.identity.resolving import Resolver
from services.plugins.identity.sign_in import SignInRoute
from services.plugins.peers.bus import Bus
from services.plugins.peers.grants import Grants
from services.plugins.settings import NAME, Settings

log = logs.logger(__name__)
_AGAIN_SECONDS: Final = 1.0


class Membership:
    """The parts that know other services."""

    def __init__(self, given: Settings, flask: Flask) -> None:
        """Build everything; connects to nothing that is not asked for. Needs a running loop, as grpc.aio does."""
        self._flask = flask
        self._auth = client.channel(given.auth_target)
        secret = given.service_secret.get_secret_value()
        self.ourselves = client.ServiceIdentity(self._auth, service=NAME, secret=secret)
        self.grants = Grants(self._auth, self.ourselves)
        self.bridge = Bridge()
        verifier = Verifier(audience=NAME, fetch_keys=client.key_fetcher(self._auth))
        self.resolver = Resolver(self.grants, verifier)
        self.consumers: list[Consumer] = [Leaving(flask).consumer()]
        """Of JetStream's events; to be complete before it runs."""
        self._bus = Bus(given.nats_url)
        checks.install(flask)

    def gate(self, app: ASGIApp) -> ASGIApp:
        """The app behind the gate."""
        answers = Answers(self._flask.config["PLUGIN_HOST_ORIGINS"])
        secure = self._flask.config.get("PREFERRED_URL_SCHEME") == "https"
        sign_in = SignInRoute(self.grants, self.resolver, answers, secure=secure)
        return Gate(app, flask=self._flask, resolver=self.resolver, answers=answers, sign_in_route=sign_in)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """From start to stop: Flask's threads may call what lives on this loop, and events are heard."""
        self.bridge.attach(asyncio.get_running_loop())
        hearing = asyncio.create_task(self._hear())
        try:
            yield
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
            await self._auth.close()

    async def _hear(self) -> None:
        hears = {events.SESSION_ENDED: self._session_ended, events.USER_DELETED: self._user_deleted}
        while True:
            try:
                await self._bus.run(consumers=self.consumers, hears=hears)
            except Exception:
                # A host that goes on without would believe in sessions for longer, and keep what people left.
                log.exception("events are not heard")
                await asyncio.sleep(_AGAIN_SECONDS)

    def _session_ended(self, payload: bytes) -> None:
        with contextlib.suppress(DecodeError):
            event = events_pb2.SessionEnded.FromString(payload)
            if event.session_id:
                self.resolver.ended(event.user_id, event.session_id)

    def _user_deleted(self, payload: bytes) -> None:
        with contextlib.suppress(DecodeError):
            self.resolver.ended(events_pb2.UserDeleted.FromString(payload).user_id, "")
