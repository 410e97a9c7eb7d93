"""For operators: is the process alive, and can it do its work."""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from services.web.backends.accounts import Accounts
from services.web.backends.ledger import Tasks


async def alive(_request: Request) -> Response:
    """`GET /healthz`: the process answers; nothing else is asked."""
    return PlainTextResponse("ok\n")


class Ready:
    """`GET /readyz`: 200 while auth and tasks answer, 503 with the name of what does not."""

    def __init__(self, accounts: Accounts, tasks: Tasks) -> None:
        """Whom to ask."""
        self._accounts, self._tasks = accounts, tasks

    async def answer(self, _request: Request) -> Response:
        """Ask both at once, two seconds at most."""
        auth, tasks = await asyncio.gather(self._accounts.ready(), self._tasks.ready())
        status = 200 if auth and tasks else 503
        return JSONResponse({"auth": auth, "tasks": tasks}, status_code=status)
