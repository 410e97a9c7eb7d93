"""Calls of the host to itself, where people sign in: each says for whom it is made, by a token of the host's own.

The token goes to the host's own origins and nowhere else, also when an answer redirects; and a call that came by way of
somebody else carries none, or whoever a plugin asks could send it on to do something here in a person's name. Plugins
call by `open_url`, or by `requests` itself, which looks for the password of an address in one place that is used here.
"""

import contextvars
import functools
import time
from collections.abc import Callable
from typing import Final

import requests
from flask import Flask, current_app
from itsdangerous import BadData, URLSafeTimedSerializer
from qhana_plugin_runner import identity, served_at
from qhana_plugin_runner.fetching import UrlError
from qhana_plugin_runner.fetching.web_urls import origin

USER: Final = "plugin-host"
"""The user name of such a call; the token is its password."""
LIVES_SECONDS: Final = 60
CLOCKS_DIFFER_SECONDS: Final = 10
"""A worker's clock may be so much ahead of the host's."""
_SALT: Final = "daydream.own-call"
_looked_up: Final = requests.sessions.get_netrc_auth  # type: ignore[attr-defined]
_followed: Final = requests.sessions.SessionRedirectMixin.rebuild_auth
_came_from: Final[contextvars.ContextVar[bool]] = contextvars.ContextVar("came from the host itself", default=True)


def credential(url: str) -> tuple[str, str] | None:
    """User name and password for a call of this address; None for what is not the host's own, and without a person."""
    if not identity.is_required() or (owner := identity.current_user_id()) is None:
        return None
    try:
        own = origin(url) in _own_origins(*_named(current_app))
    except UrlError:
        return None
    return (USER, _signer(current_app).dumps(owner)) if own else None


def owner_of(app: Flask, token: str, *, now: Callable[[], float] = time.time) -> str | None:
    """For whom a call with this token is made; None for one that is not good (any more)."""
    try:
        # Not by `max_age`, to which a token of the next second is as bad as one of yesterday.
        owner, made = _signer(app).loads(token, return_timestamp=True)
    except BadData:
        return None
    if not -CLOCKS_DIFFER_SECONDS <= now() - made.timestamp() <= LIVES_SECONDS:
        return None
    return owner if isinstance(owner, str) and owner else None


def is_lured(url: str, answer: requests.Response) -> bool:
    """Whether this address, which the answer names, is the host's own and the answer somebody else's.

    A call of it would be made in a person's name because a stranger wished so.
    """
    return credential(url) is not None and any(credential(each.url) is None for each in (*answer.history, answer))


def origins_as_browsers_write_them(app: Flask) -> frozenset[str]:
    """The host's own origins, without the ports that go without saying."""
    usual = {"http": ":80", "https": ":443"}
    own = _own_origins(*_named(app))
    return frozenset(each.removesuffix(usual[each.partition(":")[0]]) for each in own)


def teach_requests() -> None:
    """Let `requests` find the password of this host's own addresses, as it finds those of a netrc file.

    A netrc file itself would not do: it knows host names and no ports, and would tell whoever else is on this machine.
    """
    requests.sessions.get_netrc_auth = _find  # type: ignore[attr-defined]
    requests.sessions.SessionRedirectMixin.rebuild_auth = _follow  # type: ignore[method-assign, assignment]


def _follow(
    session: requests.sessions.SessionRedirectMixin, onward: requests.PreparedRequest, answer: requests.Response
) -> None:
    came_from = all(credential(each.url) is not None for each in (*answer.history, answer))
    token = _came_from.set(came_from)
    try:
        _followed(session, onward, answer)
    finally:
        _came_from.reset(token)


def _find(url: str | bytes, raise_errors: bool = False) -> tuple[str, str] | None:
    shown = credential(url if isinstance(url, str) else url.decode()) if _came_from.get() else None
    found: tuple[str, str] | None = shown or _looked_up(url, raise_errors)
    return found


def _signer(app: Flask) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(app.secret_key), salt=_SALT)


def _named(app: Flask) -> tuple[str, ...]:
    given = app.config.get("OWN_URL_ORIGINS") or served_at.origins(app)
    names = given.split(",") if isinstance(given, str) else list(given)
    if app.config.get("SERVER_NAME"):
        names.append(f"{app.config.get('PREFERRED_URL_SCHEME') or 'http'}://{app.config['SERVER_NAME']}")
    return tuple(each.strip() for each in names if each.strip())


@functools.lru_cache(maxsize=64)
def _own_origins(*names: str) -> frozenset[str]:
    return frozenset(origin(each) for each in names)
