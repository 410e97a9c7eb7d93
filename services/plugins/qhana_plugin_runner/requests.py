"""Opening files and other plugins by URL, for plugins.

Every call obeys the host's URL rules (`fetching`): http and https to public addresses and to the origins that the
configuration names, data URLs, and file URLs below the configured folders.
"""

import io
import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath
from typing import IO, Any, Protocol
from urllib.parse import unquote, urljoin, urlsplit

from flask import current_app, has_app_context
from qhana_plugin_runner import own_calls, served_at
from requests import Response
from werkzeug.http import parse_options_header

from .fetching import Fetcher, UrlError, UrlRules
from .fetching.web_urls import origin

__all__ = [
    "REQUEST_SESSION",
    "UrlError",
    "get_mimetype",
    "open_url",
    "open_url_as_file_like",
    "open_url_as_file_like_simple",
    "retrieve_attribute_metadata_url",
    "retrieve_data_type",
    "retrieve_filename",
]

# Those that Python knows, the same on every machine.
_TYPES = mimetypes.MimeTypes()


class Answered(Protocol):
    """What the functions below need of a response; `requests.Response` has it."""

    url: str
    headers: Any


def _fetcher(trusted: str | None) -> Fetcher:
    """The rules of the running app; outside of one, those of an empty configuration. Read anew: tests change them."""
    known = has_app_context()
    rules = UrlRules.from_config(served_at.configuration(current_app)) if known else UrlRules()
    if trusted:
        rules = replace(rules, trusted_origins=rules.trusted_origins | {origin(rules.rewrite(trusted))})
    return Fetcher(rules, credential=own_calls.credential) if known else Fetcher(rules)


class GuardedRequests:
    """What plugins and the host use of a session, each call under the URL rules; nothing is kept between calls."""

    def __init__(self, trusted: str | None = None) -> None:
        """`trusted` is a URL of the operator's choice, whose origin may be private."""
        self._trusted = trusted

    def request(self, method: str, url: str, **kwargs: Any) -> Response:
        """As `requests.Session.request`; raises UrlError too."""
        return _fetcher(self._trusted).request(method, url, **kwargs)

    def get(self, url: str, **kwargs: Any) -> Response:
        """As `requests.Session.get`."""
        return self.request("GET", url, **kwargs)

    def post(self, url: str, data: Any = None, json: Any = None, **kwargs: Any) -> Response:
        """As `requests.Session.post`."""
        return self.request("POST", url, data=data, json=json, **kwargs)

    def put(self, url: str, data: Any = None, **kwargs: Any) -> Response:
        """As `requests.Session.put`."""
        return self.request("PUT", url, data=data, **kwargs)

    def delete(self, url: str, **kwargs: Any) -> Response:
        """As `requests.Session.delete`."""
        return self.request("DELETE", url, **kwargs)


REQUEST_SESSION = GuardedRequests()


def open_url(url: str, raise_on_error_status: bool = True, **kwargs: Any) -> Response:
    """Fetch `url`; best used in a `with` statement.

    `kwargs` are those of `requests.get`; `stream=True` reads the body as it is asked for. Raises UrlError for a URL
    that is refused and, unless told otherwise, HTTPError for an answer that is an error.
    """
    response = REQUEST_SESSION.get(url, **kwargs)
    if raise_on_error_status:
        try:
            response.raise_for_status()
        except Exception:
            response.close()
            raise
    return response


@contextmanager
def open_url_as_file_like(
    url: str, raise_on_error_status: bool = True, stream: bool = True, **kwargs: Any
) -> Iterator[tuple[str, IO[bytes], str | None]]:
    """Fetch `url` as (file name, readable binary file, content type); raises as `open_url`."""
    with open_url(url, raise_on_error_status, stream=stream, **kwargs) as response:
        raw = response.raw
        file_ = io.BufferedReader(raw) if isinstance(raw, io.RawIOBase) else raw
        yield _file_name(response), file_, get_mimetype(response)


@contextmanager
def open_url_as_file_like_simple(
    url: str, raise_on_error_status: bool = True, stream: bool = True, **kwargs: Any
) -> Iterator[IO[bytes]]:
    """Fetch `url` as a readable binary file; raises as `open_url`."""
    with open_url_as_file_like(url, raise_on_error_status, stream=stream, **kwargs) as (_, file_, _):
        yield file_


def get_mimetype(response: Answered, default: str | None = None) -> str | None:
    """The content type without its parameters: from the header, else by the ending in the URL, else `default`."""
    header = parse_options_header(response.headers.get("Content-Type") or "")[0]
    # Case is kept: plugins compare with `application/X-lines+json` as it is written here.
    return header or _TYPES.guess_type(urlsplit(response.url).path)[0] or default


def retrieve_filename(url_or_response: str | Answered) -> str:
    """The name of the file without its ending, from Content-Disposition or the URL. A response is left as it is."""
    with _answered(url_or_response) as response:
        return PurePosixPath(_file_name(response)).stem


def retrieve_data_type(url_or_response: str | Answered) -> str | None:
    """The data type of the file, where its server says it (this host does: `X-Data-Type`)."""
    with _answered(url_or_response) as response:
        value = response.headers.get("X-Data-Type")
        return str(value).strip() or None if value else None


def retrieve_attribute_metadata_url(url_or_response: str | Answered) -> str | None:
    """Where the entities' attributes are described, where the server says it (this host: `X-Attribute-Metadata`)."""
    with _answered(url_or_response) as response:
        value = response.headers.get("X-Attribute-Metadata")
        return urljoin(response.url, str(value).strip()) if value else None


@contextmanager
def _answered(url_or_response: str | Answered) -> Iterator[Answered]:
    """The response itself, or what is at the URL; raises TypeError for what is neither, and as `open_url`."""
    if isinstance(url_or_response, str):
        with open_url(url_or_response, stream=True) as response:
            yield response
        return
    if not hasattr(url_or_response, "headers") or not hasattr(url_or_response, "url"):
        raise TypeError("expected a URL or a response")
    yield url_or_response


def _file_name(response: Answered) -> str:
    """A name without folders; `data` for a data URL, which has none."""
    disposition = response.headers.get("Content-Disposition")
    name = parse_options_header(disposition)[1].get("filename") if disposition else None
    if not name and response.url.lower().startswith("data:"):
        return "data"
    name = name or unquote(urlsplit(response.url).path).rstrip("/")
    return PurePosixPath(name.replace("\\", "/")).name or "unknown"
