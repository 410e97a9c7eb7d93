"""http and https URLs, read strictly: what two parsers would read differently is refused."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from .errors import MalformedUrlError, SchemeRefusedError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?")
_NUMBER = re.compile(r"([0-9]+|0x[0-9a-f]*)")


@dataclass(frozen=True, kw_only=True)
class WebUrl:
    """A URL whose host is known for certain."""

    url: str
    """The whole, with its host in ASCII."""
    scheme: str
    """`http` or `https`."""
    host: str
    """A name or an address, in lower case, without brackets and without a dot at its end."""
    port: int
    """Given or implied."""

    @property
    def origin(self) -> str:
        """Scheme, host and port, the port always written."""
        return f"{self.scheme}://{self.host}:{self.port}"


def web_url(url: str) -> WebUrl:
    """Read `url`; raises SchemeRefusedError or MalformedUrlError."""
    if any(char < " " or char in "\\\x7f" for char in url):
        raise MalformedUrlError("it holds a backslash or a control character")
    scheme, separator, _ = url.partition("://")
    if scheme.lower() not in _DEFAULT_PORTS:
        raise SchemeRefusedError(scheme[:20])
    try:
        # urllib3's reading is the one that connects; it turns names of other scripts into ASCII, strictly.
        parsed = parse_url(url)
        other = urlsplit(url)
        other_host, other_port = other.hostname, other.port
    except (LocationParseError, ValueError) as error:
        raise MalformedUrlError from error
    if not separator or not parsed.host or not other_host or parsed.port != other_port:
        raise MalformedUrlError
    if parsed.auth is not None or "@" in other.netloc:
        raise MalformedUrlError("a URL here names no user")
    host = _plain_host(parsed.host)
    ascii_only = parsed.host.lower().strip("[]") == other_host
    if not ascii_only and other_host.isascii():
        raise MalformedUrlError
    port = parsed.port if parsed.port is not None else _DEFAULT_PORTS[scheme.lower()]
    if not port:
        raise MalformedUrlError
    return WebUrl(url=url if ascii_only else parsed.url, scheme=scheme.lower(), host=host, port=port)


def origin(text: str) -> str:
    """The origin of a URL, or of an origin as people write it; raises MalformedUrlError or SchemeRefusedError."""
    return web_url(text.strip()).origin


def _plain_host(host: str) -> str:
    """Refuse every way of writing an address but the plain one (`2130706433` and `0x7f.1` are 127.0.0.1 to some)."""
    host = host.lower()
    if host.startswith("["):
        try:
            return str(IPv6Address(host[1:-1]))
        except AddressValueError as error:
            raise MalformedUrlError from error
    host = host.removesuffix(".")
    if not _NAME.fullmatch(host) or ".." in host:
        raise MalformedUrlError("its host is no name")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            return str(IPv4Address(host))
        except AddressValueError as error:
            raise MalformedUrlError("its host is an address in disguise") from error
    return host
