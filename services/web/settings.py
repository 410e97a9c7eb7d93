"""What the gateway can be told."""

import ipaddress
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import SettingsConfigDict

from services.foundation import settings

LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")


def _named(listed: str) -> list[str]:
    return [each.strip() for each in listed.split(",") if each.strip()]


def _networks(listed: str) -> str:
    for each in _named(listed):
        try:
            ipaddress.ip_network(each)
        except ValueError as error:
            raise PydanticCustomError("networks", "{each} is no address and no network", {"each": each}) from error
    return listed


def _origin(url: str) -> str:
    if not url:
        return ""
    parts = urlsplit(url)
    try:
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        known = False
    if not known or parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise PydanticCustomError("origin", "must be an origin such as https://plugins.example.org, without a path")
    # As browsers spell it: a port that goes without saying is not said.
    usual = {"http": 80, "https": 443}[parts.scheme]
    netloc = parts.netloc.lower().removesuffix(f":{usual}")
    return f"{parts.scheme}://{netloc}"


Origin = Annotated[str, AfterValidator(_origin)]
Proxies = Annotated[str, AfterValidator(_networks)]


class WebSettings(settings.Settings):
    """Read from `WEB_…` and the variables that services share."""

    model_config = SettingsConfigDict(
        env_prefix="WEB_", env_file=None, extra="ignore", frozen=True, populate_by_name=True
    )

    bind: str = "127.0.0.1:8000"
    """Address to listen on, host:port."""
    secret_key: SecretStr | None = None
    """Signs the cookie that holds form tokens. Replicas need the same one; unset, one is made and kept in the data
    folder."""
    service_secret: SecretStr = Field(min_length=1)
    """What auth knows this service by: `AUTH_SERVICE_SECRETS=web=…`."""
    trusted_hosts: str = ""
    """Host names, comma-separated, that requests may ask for beside this machine's own loopback names."""
    trusted_proxies: Proxies = ""
    """Addresses or networks, comma-separated, whose X-Forwarded-For and X-Forwarded-Proto are believed; none by
    default, as anybody can send such headers."""
    cookie_secure: bool = False
    """Whether cookies travel over HTTPS alone: switch it on wherever TLS ends before the gateway."""
    rate_limit_url: str = "memory://"
    """Where rate limits are counted; `redis://…` counts over all replicas, the default in each process."""
    auth_target: str = Field(default="127.0.0.1:8011", validation_alias=settings.variable("AUTH_TARGET"))
    """Where auth answers."""
    tasks_target: str = Field(default="127.0.0.1:8012", validation_alias=settings.variable("TASKS_TARGET"))
    """Where tasks answers."""

    plugins_url: Origin = ""
    """The plugin host's outside origin, `http://localhost:8014` say: another host name or port than the studio's, as
    its pages are others' code. Empty, there is no Plugins page."""
    plugins_target: Origin = ""
    """The origin that the gateway itself asks the plugin host at; the outside one unless said."""

    @property
    def proxies(self) -> list[str]:
        """Every address or network of a trusted proxy."""
        return _named(self.trusted_proxies)

    @property
    def hosts(self) -> frozenset[str]:
        """Every host name that requests may ask for, in lower case, without a port."""
        return frozenset(LOCAL_HOSTS) | {each.lower() for each in _named(self.trusted_hosts)}
