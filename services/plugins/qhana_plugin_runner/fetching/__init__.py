"""How files and other plugins are fetched by URL: what is allowed, how a connection is pinned, what a body may cost.

`qhana_plugin_runner.requests` is the face of it; nothing in here knows Flask.
"""

from .errors import (
    AddressRefusedError,
    FileRefusedError,
    MalformedUrlError,
    PortRefusedError,
    RedirectsRefusedError,
    ResponseTooLargeError,
    ResponseTooSlowError,
    SchemeRefusedError,
    UrlError,
)
from .fetcher import Fetcher
from .rules import UrlRules

__all__ = [
    "AddressRefusedError",
    "Fetcher",
    "FileRefusedError",
    "MalformedUrlError",
    "PortRefusedError",
    "RedirectsRefusedError",
    "ResponseTooLargeError",
    "ResponseTooSlowError",
    "SchemeRefusedError",
    "UrlError",
    "UrlRules",
]
