"""The Flask app: what is wired to what for pages and the JSON API."""

import time
from typing import Any, Final

import flask
from flask_bootstrap import Bootstrap5
from flask_limiter import Limiter
from flask_limiter.errors import RateLimitExceeded
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Response

from services.foundation import errors, logs
from services.foundation.bridge import Bridge
from services.web import assets, forms, gate, problems, strict_json
from services.web.api import install as install_api
from services.web.backends.everything import Backends
from services.web.pages import account, door, pictures, pruning, public, studio
from services.web.pages import gallery as gallery_pages
from services.web.pages import machine as machine_pages
from services.web.pages import people as people_pages
from services.web.pages import plugins as plugin_pages

log = logs.logger(__name__)

PAGE_COOKIE: Final = "dd_page"


def create(
    backends: Backends,
    *,
    bridge: Bridge,
    secret_key: str,
    cookie_secure: bool,
    rate_limit_url: str,
) -> flask.Flask:
    """Build the app. Connects to nothing."""
    app = flask.Flask(__name__, static_folder=str(assets.OURS), static_url_path=assets.root())
    app.json = strict_json.Provider(app)
    app.config.update(
        SECRET_KEY=secret_key,
        SESSION_COOKIE_NAME=PAGE_COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=cookie_secure,
        # A form token lasts as long as the browser's session: a page left open over lunch still works.
        WTF_CSRF_TIME_LIMIT=None,
        BOOTSTRAP_SERVE_LOCAL=True,
        RATELIMIT_STORAGE_URI=rate_limit_url,
        # A store that is away must not take the site with it.
        RATELIMIT_SWALLOW_ERRORS=True,
        # Flask-Login asks no loader of ours where a cookie of this name is there, and its own name is any app's on this
        # host.
        REMEMBER_COOKIE_NAME="dd_never_set",
        MAX_FORM_MEMORY_SIZE=1024 * 1024,
    )
    app.jinja_env.globals.update(
        asset=assets.url,
        imported=assets.imported,
        has_plugins=backends.plugins is not None,
        plugins_url=backends.plugins.origin if backends.plugins is not None else "",
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    csrf = CSRFProtect(app)
    Bootstrap5(app)
    limiter = Limiter(get_remote_address, app=app)
    accounts, tasks, gallery = backends.accounts, backends.tasks, backends.gallery
    guard = gate.Gate(app, accounts, bridge, cookie_secure=cookie_secure)
    for views in (
        public.blueprint(),
        gallery_pages.blueprint(gallery, bridge),
        pruning.blueprint(gallery, backends.names, bridge),
        door.blueprint(accounts, bridge, guard, limiter),
        studio.blueprint(accounts, tasks, bridge, limiter),
        pictures.blueprint(tasks, gallery, bridge),
        account.blueprint(backends, guard, bridge, limiter),
        people_pages.blueprint(backends, bridge),
        machine_pages.blueprint(backends, bridge),
    ):
        app.register_blueprint(views)
    if backends.plugins is not None:
        shown = plugin_pages.blueprint(backends.plugins, backends.grants, backends.links, bridge, limiter)
        app.register_blueprint(shown)
    install_api(app, backends, bridge=bridge, limiter=limiter, csrf=csrf)
    _tell_errors(app)
    return app


def page(app: flask.Flask, problem: problems.Problem) -> str:
    """An error as a page, with the navigation of who asks; without where Flask was never asked, or auth cannot be."""
    if flask.has_request_context() and "auth_away" not in flask.g:
        try:
            return flask.render_template("error.html", problem=problem)
        except Exception:  # whatever keeps the navigation away, the error must still be told
            log.exception("no navigation for an error", status=problem.status)
    return app.jinja_env.get_template("error-alone.html").render(problem=problem)


def part(app: flask.Flask, name: str, **values: Any) -> str:
    """A part of a page that needs no request, for streams, which are beside Flask."""
    return app.jinja_env.get_template(name).render(**values)


def _tell_errors(app: flask.Flask) -> None:
    def told(problem: problems.Problem) -> Response:
        request = flask.request
        if problems.wants_page(request.path, request.headers.get("Accept", "")):
            answer: Any = flask.Response(page(app, problem), mimetype="text/html")
        else:
            answer = flask.Response(app.json.dumps(problem.to_json()), mimetype=problems.MEDIA_TYPE)
        answer.status_code = problem.status
        answer.headers.update(problem.headers)
        return answer  # type: ignore[no-any-return]

    @app.errorhandler(errors.DaydreamError)
    def refused(error: errors.DaydreamError) -> Response:
        if isinstance(error, errors.Unexpected | errors.Unavailable):
            log.error("refused", reason=error.detail_reason, metadata=error.metadata, exc_info=error)
        return told(problems.of_error(error))

    @app.errorhandler(RateLimitExceeded)
    def too_often(_error: RateLimitExceeded) -> Response:
        current = app.extensions["limiter"]
        limit = next(iter(current)).current_limit
        seconds = 60 if limit is None else max(1, int(limit.reset_at - time.time()))
        return told(problems.of_status(429, f"Too many tries; wait {_span(seconds)}.", retry_after=seconds))

    @app.errorhandler(CSRFError)
    def out_of_date(_error: CSRFError) -> Response:
        return told(problems.of_error(forms.OutOfDate()))

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        if error.code is None or error.code < 400:
            return error.get_response()
        detail = strict_json.detail_of(error)
        allow = error.valid_methods or () if isinstance(error, MethodNotAllowed) else ()
        return told(problems.of_status(error.code, detail, allow=tuple(allow)))

    @app.errorhandler(Exception)
    def ours(error: Exception) -> Response:
        log.exception("unexpected", path=flask.request.path)
        del error
        return told(problems.of_error(errors.Unexpected()))


def _span(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} seconds"
    return f"{-(-seconds // 60)} minutes"
