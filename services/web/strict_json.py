"""JSON as the gateway reads it: one meaning or none.

Python's own reader takes the last of two equal keys, NaN, Infinity and 1e999, and breaks off in its own ways on deep
nesting or long numbers. Here each of them is one clear refusal.
"""

import json
import math
from typing import Any, Final, NoReturn

import flask
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import BadRequest, HTTPException, UnsupportedMediaType

_MAX_DEPTH: Final = 32


class NotJson(ValueError):
    """The text is not JSON with one meaning."""


def loads(text: str | bytes) -> Any:
    """Read UTF-8 JSON. Raises NotJson with a sentence for people."""
    try:
        plain = text if isinstance(text, str) else text.decode("utf-8")
        value = json.loads(plain, object_pairs_hook=_one_of_each, parse_constant=_no_constant, parse_float=_finite)
    except NotJson:
        raise
    except RecursionError as error:
        raise NotJson("The JSON is nested too deeply.") from error
    except UnicodeDecodeError as error:
        raise NotJson("The JSON is not UTF-8.") from error
    except json.JSONDecodeError as error:
        raise NotJson(f"The JSON cannot be read: {error.msg} at line {error.lineno}, column {error.colno}.") from error
    except ValueError as error:
        # Python refuses to read integers of thousands of digits.
        raise NotJson("The JSON holds a number that is too long.") from error
    if _depth(value) > _MAX_DEPTH:
        raise NotJson("The JSON is nested too deeply.")
    return value


def _one_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for key, value in pairs:
        if key in read:
            raise NotJson(f"The JSON holds {json.dumps(key[:40])} twice.")
        read[key] = value
    return read


def _no_constant(name: str) -> NoReturn:
    raise NotJson(f"The JSON holds {name}, which is no number.")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotJson("The JSON holds a number that is too large.")
    return value


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        depth += 1
    return depth


class Provider(DefaultJSONProvider):
    """Flask's reader and writer, strict on the way in."""

    sort_keys = False

    def loads(self, s: str | bytes, **_kwargs: Any) -> Any:
        """Read strictly."""
        return loads(s)


def body() -> Any:
    """The JSON body of the current request. Raises 415 for another content type, 400 for what is not JSON."""
    if flask.request.mimetype != "application/json":
        raise UnsupportedMediaType
    try:
        return loads(flask.request.get_data())
    except NotJson as error:
        raise BadRequest(str(error)) from error


def detail_of(error: HTTPException) -> str | None:
    """The sentence that `body` gave, as against the library's own words for a status."""
    own = error.description
    return own if own is not None and own != type(error).description else None
