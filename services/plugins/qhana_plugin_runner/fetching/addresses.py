"""Which IP addresses are public, and what a name leads to."""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from requests.exceptions import ConnectionError as RequestsConnectionError

from .errors import AddressRefusedError

Resolver = Callable[[str, int], Sequence[str]]
"""Takes a host name and a port, gives every address of that name; raises OSError when there is none."""

# Beside what the standard library calls not global: networks that carry another address inside, and could lead anywhere
# (mapped, NAT64, 6to4, Teredo, v4-compatible), and those that were withdrawn but are still routed somewhere.
_REFUSED: tuple[IPv4Network | IPv6Network, ...] = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15",
        "224.0.0.0/3", "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23",
        "2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip


def is_public(address: str) -> bool:
    """Whether `address` (as an address, not a name) belongs to the public internet."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed.scope_id is not None:
        return False
    return parsed.is_global and not any(parsed in network for network in _REFUSED if network.version == parsed.version)


def system_resolver(host: str, port: int) -> list[str]:
    """Every address that the system's resolver knows for `host`; raises OSError."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def resolve(host: str, port: int, *, resolver: Resolver, trusted: bool) -> tuple[str, ...]:
    """The addresses to connect to, looked up once.

    One address that is not public spoils all of them: a name with mixed records is a trick more often than a mistake.
    Raises AddressRefusedError, or requests' ConnectionError for a name that leads nowhere.
    """
    try:
        addresses = tuple(dict.fromkeys(resolver(host, port)))
    except OSError as error:
        raise RequestsConnectionError(f"nothing is known under the name {host}") from error
    if not addresses:
        raise RequestsConnectionError(f"nothing is known under the name {host}")
    if not trusted and not all(is_public(address) for address in addresses):
        raise AddressRefusedError(host)
    return addresses
