"""Who may call a resource: the decorator of the blueprints, and how it is said in the API's description.

The host decides who somebody is: `app.extensions["plugin-identity"]`, where there is one, is asked before each call. A
host that runs alone has none, and is open.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import wraps
from typing import Any, Protocol

from apispec import APISpec
from apispec.utils import deepupdate
from flask import Flask, current_app
from flask_smorest import Api

IDENTITY_EXTENSION = "plugin-identity"

SECURITY_SCHEMES: dict[str, dict[str, str]] = {
    "jwt": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A short-lived token of the person on whose behalf the call is made.",
    },
    "jwt-refresh-token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "Not given out by this host; named for plugins that ask for it.",
    },
}


class IdentityCheck(Protocol):
    """Looks at the request that is being answered; aborts with 401 when nobody, or not the right one, is signed in."""

    def __call__(self, *, optional: bool, fresh: bool, refresh: bool) -> None:
        """`optional`: nobody will do; `fresh`: only lately signed in; `refresh`: with a refresh token."""
        ...


class JWTMixin:
    """For a blueprint."""

    def require_jwt(
        self,
        security_scheme: str | dict[str, list[Any]],
        *,
        fresh: bool = False,
        optional: bool = False,
        refresh_token: bool = False,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Let only those call the decorated view whom the host knows, and say so in the description."""
        scheme = {security_scheme: []} if isinstance(security_scheme, str) else security_scheme

        def decorator(func: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(func)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                check: IdentityCheck | None = current_app.extensions.get(IDENTITY_EXTENSION)
                if check is not None:
                    check(optional=optional, fresh=fresh, refresh=refresh_token)
                return func(*args, **kwargs)

            about = deepcopy(getattr(func, "_apidoc", {}))
            about.setdefault("security", []).extend([{}, scheme] if optional else [scheme])
            wrapper._apidoc = about  # type: ignore[attr-defined]
            return wrapper

        return decorator

    def _prepare_security_doc(
        self,
        doc: dict[str, Any],
        doc_info: dict[str, Any],
        *,
        api: Api,
        app: Flask,
        spec: APISpec,
        method: str,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """What flask-smorest calls for each view while it describes the API."""
        schemes = doc_info.get("security")
        return deepupdate(doc, {"security": schemes}) if schemes else doc
