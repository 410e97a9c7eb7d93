"""Why a URL was not opened, or not read to its end. An error's docstring is its message.

All are `requests.RequestException`s: a plugin that catches those catches these too. A URL that is refused for what it
is raises what `requests` does for a URL that it cannot take, a `ValueError` too: some plugins catch no more than that.
"""

from typing import Any

from requests.exceptions import InvalidSchema, InvalidURL, ReadTimeout, RequestException, TooManyRedirects


class UrlError(RequestException):
    """This URL cannot be opened."""

    def __init__(self, detail: str = "", **kwargs: Any) -> None:
        sentence = (type(self).__doc__ or "").strip()
        # Pickle and Celery make an error anew from its own message, which is whole already.
        whole = detail if detail.startswith(sentence) else f"{sentence} ({detail})"
        super().__init__(whole if detail else sentence, **kwargs)


class MalformedUrlError(UrlError, InvalidURL):
    """This URL is not written in a way that everybody reads alike."""


class SchemeRefusedError(UrlError, InvalidSchema):
    """Only http, https, data and file URLs are opened, and a redirect leads to http or https alone."""


class AddressRefusedError(UrlError, InvalidURL):
    """This URL leads to an address that is not public."""


class PortRefusedError(UrlError, InvalidURL):
    """This URL leads to a port of the infrastructure."""


class FileRefusedError(UrlError, InvalidURL):
    """File URLs are opened below the allowed folders only."""


class RedirectsRefusedError(UrlError, TooManyRedirects):
    """This URL redirects too many times."""


class ResponseTooLargeError(UrlError):
    """This URL holds more bytes than are allowed."""


class ResponseTooSlowError(UrlError, ReadTimeout):
    """This URL sends its bytes too slowly."""
