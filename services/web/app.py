"""What is wired to what: one ASGI app, the Shield round Flask and the routes beside it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Any, Final

from a2wsgi import WSGIMiddleware
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp, Scope

from services.foundation import errors, logs
from services.foundation.bridge import Bridge
from services.foundation.rpc import client
from services.web import loosened, problems, routes, site
from services.web.backends import everything
from services.web.backends.plugin_sayings import Patience
from services.web.backends.plugins import Plugins
from services.web.settings import WebSettings
from services.web.shield import Shield
from services.web.streams import imports, sse, uploads

log = logs.logger(__name__)

FLASK_THREADS: Final = 10
PAGE_COMPRESSION: Final = 5
"""Of gzip: a page is made once a request, and more than this costs time without making it much smaller."""


def _plugin_host(settings: WebSettings, patience: Patience) -> Plugins | None:
    url = settings.plugins_url
    return Plugins(url=url, target=settings.plugins_target or url, patience=patience) if url else None


class _Rest(Mount):
    """Flask gets what no route beside it answers; an address of theirs under another method is theirs to refuse."""

    def __init__(self, path: str, app: ASGIApp, *, beside: Sequence[BaseRoute]) -> None:
        super().__init__(path, app)
        self._beside = beside

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if any(route.matches(scope)[0] is Match.PARTIAL for route in self._beside):
            return Match.NONE, {}
        return super().matches(scope)


class Gateway:
    """The app and what its process must do with it: start, end its streams, stop."""

    def __init__(
        self,
        settings: WebSettings,
        *,
        secret_key: str,
        timing: sse.Timing | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Build everything; connects to nothing that is not asked for. Needs a running loop, as grpc.aio does.

        `patience` is had with the plugin host.
        """
        timing = timing or sse.Timing()
        self.hub = sse.Hub()
        self._auth, self._tasks = client.channel(settings.auth_target), client.channel(settings.tasks_target)
        ourselves = client.ServiceIdentity(self._auth, service="web", secret=settings.service_secret.get_secret_value())
        self._plugins = _plugin_host(settings, patience or Patience())
        backends = everything.over(self._auth, self._tasks, ourselves, plugins=self._plugins)
        self._bridge = Bridge()
        self.flask = site.create(
            backends,
            bridge=self._bridge,
            secret_key=secret_key,
            cookie_secure=settings.cookie_secure,
            rate_limit_url=settings.rate_limit_url,
        )
        self.routes = routes.beside(self.flask, backends, self.hub, timing)
        # The two type systems spell one protocol differently.
        pages: Any = WSGIMiddleware(self.flask, workers=FLASK_THREADS)  # type: ignore[arg-type]
        # Pages and JSON travel compressed; pictures, archives and event streams are beside Flask and never see this.
        # Compression can give a secret away where a page repeats what an attacker sends (BREACH). Flask-WTF signs the
        # form token anew for every request, with the second it was made in, so there is none to guess bit by bit; and
        # cookies are SameSite=Lax, so that another site's requests for a page come back as a stranger's.
        packed_pages = GZipMiddleware(pages, compresslevel=PAGE_COMPRESSION)
        self.routes.append(_Rest("/", packed_pages, beside=tuple(self.routes)))
        starlette = Starlette(
            routes=self.routes,
            exception_handlers={
                errors.DaydreamError: self._refused,
                HTTPException: self._http,
                Exception: self._failed,
            },
            lifespan=lambda _app: self.running(),
        )
        streamed = frozenset({uploads.PATH, uploads.PAGE_PATH, imports.PATH})
        self.app: ASGIApp = Shield(
            starlette,
            trusted_hosts=settings.hosts,
            refuse=self._answer,
            streamed=streamed,
            exceptions=loosened.towards(settings.plugins_url),
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """From start to stop: clients belong to the running loop, and streams end before they do."""
        self._bridge.attach(asyncio.get_running_loop())
        yield
        self.hub.close()
        await asyncio.gather(self._auth.close(), self._tasks.close())
        if self._plugins is not None:
            await self._plugins.close()

    def _answer(self, scope: Scope, problem: problems.Problem) -> Response:
        accept = Request(scope).headers.get("accept", "")
        if problems.wants_page(scope["path"], accept):
            return HTMLResponse(site.page(self.flask, problem), status_code=problem.status, headers=problem.headers)
        return JSONResponse(
            problem.to_json(), status_code=problem.status, headers=problem.headers, media_type=problems.MEDIA_TYPE
        )

    async def _refused(self, request: Request, error: Exception) -> Response:
        refused = error if isinstance(error, errors.DaydreamError) else errors.Unexpected()
        if isinstance(refused, errors.Unexpected | errors.Unavailable):
            log.error("refused", reason=refused.detail_reason, metadata=refused.metadata)
        return self._answer(request.scope, problems.of_error(refused))

    async def _http(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
        allowed = (error.headers or {}).get("Allow", "") if isinstance(error, HTTPException) else ""
        allow = [each for each in allowed.split(", ") if each]
        return self._answer(request.scope, problems.of_status(status, allow=allow))

    async def _failed(self, request: Request, error: Exception) -> Response:
        log.error("unexpected", path=request.url.path, exc_info=error)
        return self._answer(request.scope, problems.of_error(errors.Unexpected()))
