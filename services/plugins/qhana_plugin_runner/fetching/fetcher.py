"""Fetching by URL under the rules: rewrite, look, connect, read within limits."""

from dataclasses import dataclass, field
from typing import Any

from requests import Response
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import InvalidURL, ReadTimeout, TooManyRedirects

from .addresses import Resolver, system_resolver
from .bodies import store
from .errors import MalformedUrlError, RedirectsRefusedError, ResponseTooSlowError, SchemeRefusedError, UrlError
from .local import data_response, file_response
from .rules import UrlRules
from .sessions import Credential, GuardedSession, nobody
from .sockets import Dial, PatienceLost, dial
from .web_urls import web_url

_TIMEOUT = (10.0, 30.0)


@dataclass(frozen=True)
class Fetcher:
    """Opens URLs under `rules`; safe to use from several threads, as every call has a session of its own."""

    rules: UrlRules
    """What is allowed."""
    resolver: Resolver = field(default=system_resolver)
    """Where addresses come from."""
    dial: Dial = field(default=dial)
    """How to connect to one."""
    credential: Credential = field(default=nobody)
    """What is shown to whom."""

    def request(self, method: str, url: str, *, stream: bool = False, **kwargs: Any) -> Response:
        """Send a request and return its answer, whatever its status; `kwargs` are those of requests' sessions.

        With `stream` the body is read as it is asked for; without, it has come before this returns and lies in memory,
        or in a temporary file when it is long. Raises UrlError for what is refused, and other RequestExceptions for
        what fails.
        """
        url = self.rules.rewrite(str(url).strip())
        scheme = url.partition(":")[0].lower()
        if scheme in {"data", "file"}:
            if method.upper() != "GET":
                raise SchemeRefusedError(f"{method} {scheme}")
            return data_response(url, self.rules) if scheme == "data" else file_response(url, self.rules)
        target = web_url(url)
        kwargs.pop("proxies", None)
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = _TIMEOUT
        try:
            with GuardedSession(
                self.rules, resolver=self.resolver, dial=self.dial, credential=self.credential
            ) as session:
                response = session.request(method, target.url, stream=True, **kwargs)
        except UrlError:
            # Some of ours are errors of requests as well, and say more than what those become below.
            raise
        except TooManyRedirects as error:
            raise RedirectsRefusedError from error
        except InvalidURL as error:
            raise MalformedUrlError from error
        except (ReadTimeout, RequestsConnectionError) as error:
            if _lost_patience(error):
                raise ResponseTooSlowError from error
            raise
        return response if stream else store(response, spool_bytes=self.rules.spool_bytes)


def _lost_patience(error: BaseException | None) -> bool:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, PatienceLost):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False
