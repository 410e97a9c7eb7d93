"""For operators: is the process alive, and can it do its work."""

import asyncio

import sqlalchemy as sa
from flask import Flask
from qhana_plugin_runner.db.db import DB
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response


async def alive(_request: Request) -> Response:
    """`GET /healthz`: the process answers; nothing else is asked."""
    return PlainTextResponse("ok\n")


class Ready:
    """`GET /readyz`: 200 while the database answers, else 503."""

    def __init__(self, flask: Flask) -> None:
        """The host, whose database it is."""
        self._flask = flask

    async def answer(self, _request: Request) -> Response:
        """Ask, two seconds at most."""
        try:
            async with asyncio.timeout(2):
                await asyncio.to_thread(self._ask)
        except (sa.exc.SQLAlchemyError, TimeoutError):
            return JSONResponse({"database": False}, status_code=503)
        return JSONResponse({"database": True})

    def _ask(self) -> None:
        with self._flask.app_context(), DB.engine.connect() as connection:
            connection.execute(sa.select(1))
