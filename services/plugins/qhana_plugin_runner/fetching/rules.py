"""What may be fetched, as the host's configuration says it."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import PortRefusedError
from .web_urls import WebUrl, origin

# Shells, mail, name and file services, databases, brokers and the services' own: nothing that answers others in HTTP.
INFRASTRUCTURE_PORTS = frozenset(
    {
        21, 22, 23, 25, 53, 110, 111, 135, 139, 143, 389, 445, 465, 587, 636, 873, 993, 995, 1433, 1521, 2049, 2181,
        2375, 2376, 2379, 2380, 3306, 3389, 4222, 5432, 5671, 5672, 5900, 5984, 6000, 6222, 6379, 6443, 7000, 7001,
        8222, 9042, 9092, 9200, 9300, 10250, 11211, 15672, 27017, 50051, 50052, 50053,
    }
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class UrlRules:
    """Which URLs are opened, and what a body may cost."""

    rewrites: tuple[tuple[re.Pattern[str], str], ...] = ()
    """Replacements made in every URL, in turn, before anything is looked at."""
    trusted_origins: frozenset[str] = frozenset()
    """Origins that may be private: the host's own and those of the configuration, as `scheme://host:port`."""
    file_roots: tuple[str, ...] = ()
    """Folders below which file URLs are opened; resolved."""
    refused_ports: frozenset[int] = INFRASTRUCTURE_PORTS
    """Ports that are never asked, save at a trusted origin."""
    max_bytes: int = 2 * 1024**3
    """The longest body, after unpacking."""
    max_data_bytes: int = 32 * 1024**2
    """The longest content of a data URL."""
    max_redirects: int = 10
    """Redirects that are followed."""
    patience_seconds: float = 60.0
    """The time spent waiting for bytes, in all, before what has come is counted."""
    min_bytes_per_second: float = 16_384.0
    """What each second of waiting beyond the patience must have brought."""
    spool_bytes: int = field(default=1024**2)
    """A body that is not streamed is kept in memory up to here, and in a temporary file beyond."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "UrlRules":
        """Read Flask's configuration; what it does not say stays as above. Raises UrlError for what is no origin."""
        names: list[str] = [
            *_listed(config.get("OWN_URL_ORIGINS"), ","),
            *_listed(config.get("ALLOWED_URL_ORIGINS"), ","),
        ]
        if config.get("SERVER_NAME"):
            names += [f"http://{config['SERVER_NAME']}", f"https://{config['SERVER_NAME']}"]
        roots = _listed(config.get("FILE_URL_ROOTS"), os.pathsep)
        ports = config.get("REFUSED_URL_PORTS")
        numbers = {
            "max_bytes": ("URL_MAX_BYTES", int),
            "max_data_bytes": ("DATA_URL_MAX_BYTES", int),
            "max_redirects": ("URL_MAX_REDIRECTS", int),
            "patience_seconds": ("URL_PATIENCE_SECONDS", float),
            "min_bytes_per_second": ("URL_MIN_BYTES_PER_SECOND", float),
        }
        return cls(
            rewrites=tuple((re.compile(pattern), put) for pattern, put in config.get("URL_REWRITE_RULES") or ()),
            trusted_origins=frozenset(origin(name) for name in names),
            file_roots=tuple(os.path.realpath(root) for root in roots),
            refused_ports=INFRASTRUCTURE_PORTS
            if ports is None
            else frozenset(int(port) for port in _listed(ports, ",")),
            **{name: kind(config[key]) for name, (key, kind) in numbers.items() if config.get(key) is not None},
        )

    def rewrite(self, url: str) -> str:
        """`url` after the rewrite rules."""
        for pattern, replacement in self.rewrites:
            url = pattern.sub(replacement, url)
        return url

    def trusts(self, url: WebUrl) -> bool:
        """Whether `url` may lead to any address; raises PortRefusedError for a port that nobody is to ask."""
        if url.origin in self.trusted_origins:
            return True
        if url.port in self.refused_ports:
            raise PortRefusedError(str(url.port))
        return False


def _listed(value: Any, separator: str) -> list[str]:
    """A setting that is a list, or one text of several values."""
    if not value:
        return []
    values: Iterable[Any] = value.split(separator) if isinstance(value, str) else value
    return [text for text in (str(item).strip() for item in values) if text]
