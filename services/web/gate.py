"""The gate of the Flask half: nobody passes without a session unless a view says `open_to_all`.

Flask-Login asks here who the visitor is; Flask's own signed session holds form tokens and flashed sentences only.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import flask
from flask_login import LoginManager, UserMixin, current_user
from werkzeug.wrappers import Response

from services.foundation import errors, paths
from services.foundation.bridge import Bridge
from services.web import problems, visitors
from services.web.backends.accounts import Accounts, Opened, Visitor

F = TypeVar("F", bound=Callable[..., Any])

_OPEN: Final = "_open_to_all"
_KEYED: Final = "daydream.keyed_blueprints"
# Views of libraries that say nothing about anyone: files (served beside Flask as a rule) and the API's description.
_OPEN_ENDPOINTS: Final = frozenset({"static", "bootstrap.static", "api-docs.openapi_json"})


class SignedIn(UserMixin):  # type: ignore[misc]
    """What templates know as `current_user`."""

    def __init__(self, visitor: Visitor) -> None:
        """Stands for the visitor."""
        self.visitor = visitor

    def get_id(self) -> str:
        """Their id."""
        return self.visitor.user_id


def open_to_all(view: F) -> F:
    """Mark a view that needs no session. Apply it next to the function, below the route."""
    setattr(view, _OPEN, True)
    return view


def is_open(app: flask.Flask, endpoint: str) -> bool:
    """Whether an endpoint may be seen without a session."""
    return endpoint in _OPEN_ENDPOINTS or getattr(app.view_functions.get(endpoint), _OPEN, False)


def by_key(app: flask.Flask, blueprint: flask.Blueprint, accounts: Accounts, bridge: Bridge) -> None:
    """Let programs into a blueprint by their API key, and by nothing else."""
    app.extensions.setdefault(_KEYED, set()).add(blueprint.name)

    @blueprint.before_request
    def resolve() -> None:
        header = flask.request.headers.get("Authorization", "")
        flask.g.visitor = bridge.call(visitors.of_authorization(accounts, header))


def visitor() -> Visitor:
    """Who asks. Raises SignInFirst where nobody signed in."""
    by_key: Visitor | None = flask.g.get("visitor")
    if by_key is not None:
        return by_key
    if not current_user.is_authenticated:
        raise visitors.SignInFirst
    found: Visitor = current_user.visitor
    return found


def for_staff(blueprint: flask.Blueprint) -> None:
    """Keep everybody but staff out of a blueprint: what is seen there belongs to others. auth and tasks check too."""

    @blueprint.before_request
    def refuse() -> None:
        if not visitor().staff:
            raise errors.NotAllowed("This page is for the people who run this server.")


class Gate:
    """Stands before every view and hands out and takes back the session cookie."""

    def __init__(self, app: flask.Flask, accounts: Accounts, bridge: Bridge, *, cookie_secure: bool) -> None:
        """Installs itself in `app`. CSRF protection must already be there, as it stands first."""
        self._app, self._accounts, self._bridge, self._secure = app, accounts, bridge, cookie_secure
        logins = LoginManager(app)
        logins.session_protection = None
        logins.request_loader(self._load)
        app.before_request(self._admit)

    def _load(self, request: flask.Request) -> SignedIn | None:
        cookies = request.headers.get("Cookie", "")
        try:
            found = self._bridge.call(visitors.of_cookies(self._accounts, cookies))
        except errors.Unavailable as error:
            # Pages for all go on without auth; `_admit` tells everybody else.
            flask.g.auth_away = error
            return None
        return SignedIn(found) if found is not None else None

    def _admit(self) -> Response | None:
        endpoint = flask.request.endpoint
        if endpoint is None or is_open(self._app, endpoint):
            return None
        if flask.request.blueprint in self._app.extensions.get(_KEYED, ()):
            return None
        if current_user.is_authenticated:
            return None
        away: errors.Unavailable | None = flask.g.get("auth_away")
        if away is not None:
            raise away
        accept = flask.request.headers.get("Accept", "")
        if flask.request.method == "GET" and problems.wants_page(flask.request.path, accept):
            asked = flask.request.full_path.rstrip("?")
            return flask.redirect(flask.url_for("door.sign_in", next=paths.local(asked, default="/studio")), 303)
        raise visitors.SignInFirst

    def let_in(self, response: Response, opened: Opened, *, stay: bool) -> None:
        """Give the browser its session; whatever cookie it came with is replaced."""
        flask.session.clear()
        response.set_cookie(
            visitors.SESSION_COOKIE,
            opened.secret,
            # Without a date the browser forgets it when it closes.
            expires=int(opened.expires) if stay else None,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self._secure,
        )

    def let_out(self, response: Response) -> None:
        """Take the session away: at auth, in the browser, and with it the form tokens."""
        secret = visitors.session_secret(flask.request.headers.get("Cookie", ""))
        if secret is not None:
            self._bridge.call(self._accounts.sign_out(secret))
        flask.session.clear()
        response.delete_cookie(visitors.SESSION_COOKIE, path="/", httponly=True, samesite="Lax", secure=self._secure)
