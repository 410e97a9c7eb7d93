"""Plugins that call other plugins: start their tasks, look at the results, tell and be told of changes."""

from collections.abc import Mapping, Sequence
from logging import getLogger
from typing import Any, Final, Literal, cast
from urllib.parse import quote, urljoin

from qhana_plugin_runner import own_calls
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.requests import REQUEST_SESSION, UrlError, open_url
from requests import Response
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import RequestException, Timeout

MOST_RETRIES: Final = 5
"""Of one delivery to a webhook."""
FIRST_RETRY_SECONDS: Final = 2
_WEBHOOK_SECONDS: Final = 10
_MAY_CHANGE: Final = frozenset({408, 425, 429})
"""Statuses of clients' errors that another try may not get; those of servers' errors are all like that."""
_LOGGER = getLogger(__name__)

Status = Literal["PENDING", "SUCCESS", "FAILURE", "CANCELED"]
_FINISHED = ("SUCCESS", "FAILURE", "CANCELED")


class ResultUnchangedError(Exception):
    """Nothing has happened yet; the task that raises it looks again later."""


def get_plugin_endpoint(plugin_url: str, interaction_endpoint: str | None = None) -> str:
    """The URL to which a plugin's parameters are sent, or that of its link of a type.

    Raises as `open_url`, also where a plugin elsewhere names an address of this host, which would be called in the
    person's name; and KeyError for a link that the plugin does not have.
    """
    with open_url(plugin_url) as response:
        metadata = response.json()
    if interaction_endpoint is None:
        return _named(plugin_url, metadata["entryPoint"]["href"], response)
    for link in metadata.get("links") or ():
        if link.get("type") == interaction_endpoint:
            return _named(plugin_url, link["href"], response)
    raise KeyError(f"the plugin has no link of the type {interaction_endpoint}")


def call_plugin_endpoint(endpoint_url: str, data: Mapping[str, Any] | None, debug: bool = False) -> str:
    """Send parameters to a plugin and return the URL of the result, to which it redirects; raises as `open_url`."""
    with REQUEST_SESSION.post(endpoint_url, data=data, timeout=5) as response:
        if debug and not response.ok:
            _LOGGER.warning("%s answered %s: %s", endpoint_url, response.status_code, response.text[:10_000])
        response.raise_for_status()
        return response.url


def get_task_result_no_wait(result_url: str) -> tuple[Status, Any]:
    """The status of a task and its whole result as it is now; raises as `open_url`."""
    with open_url(result_url, timeout=3) as response:
        result = response.json()
    return _status(result), result


def _named(base: str, href: Any, answer: Response) -> str:
    url = urljoin(base, str(href))
    if own_calls.is_lured(url, answer):
        raise UrlError(f"{answer.url} leads to this host, where it has nothing to ask for in a person's name")
    return url


def subscribe(  # noqa: PLR0917  (the contract)
    result_url: str,
    webhook_url: str,
    events: Literal["all"] | Sequence[str] = "all",
    check_for_updates: bool = True,
    monitor_countdown: int = 1,
    monitor_webhook_url: str | None = None,
) -> bool:
    """Ask a task's host to call `webhook_url` on events (`status`, `steps`, `details`); False where it does not.

    What happened before the subscription would be missed: with `check_for_updates` a task looks `monitor_countdown`
    seconds later and calls the webhook (or `monitor_webhook_url`) if there is something. Raises as `open_url`.
    """
    with open_url(result_url, timeout=3) as response:
        result = response.json()
    link = next((link for link in result.get("links") or () if link.get("type") == "subscribe"), None)
    subscribed = link is not None and _subscribe(_named(result_url, link["href"], response), webhook_url, events)
    watched = {"status", "steps"} if events == "all" else {"status", "steps"} & set(events)
    if check_for_updates and watched:
        monitor_result.s(
            result_url=result_url,
            webhook_url=monitor_webhook_url or webhook_url,
            monitor="all" if len(watched) == 2 else watched.pop(),
            retry=False,
        ).apply_async(countdown=monitor_countdown)
    return subscribed


@CELERY.task(
    name=f"{__name__}.monitor_result",
    bind=True,
    ignore_result=True,
    autoretry_for=(ResultUnchangedError, RequestsConnectionError, Timeout),
    retry_backoff=True,
    max_retries=None,
)
def monitor_result(
    self: Any,
    result_url: str,
    webhook_url: str,
    monitor: Literal["status", "steps", "all"] = "all",
    retry: bool = True,
) -> None:
    """Look at a result until it is finished or waits for input, then call the webhook; once only without `retry`."""
    status, result = get_task_result_no_wait(result_url)
    event = _news(status, result)
    if event is not None and monitor in {event, "all"}:
        self.replace(call_webhook.s(webhook_url=webhook_url, task_url=result_url, event_type=event))
    elif retry:
        raise ResultUnchangedError


@CELERY.task(
    name=f"{__name__}.monitor_external_substep",
    bind=True,
    ignore_result=True,
    autoretry_for=(ResultUnchangedError, RequestsConnectionError, Timeout),
    retry_backoff=True,
    max_retries=None,
)
def monitor_external_substep(
    self: Any, result_url: str, webhook_url: str, substep: str | int, retry: bool = True
) -> None:
    """Look at a result until a step (its id, or its place in the list) has its input, then call the webhook.

    Raises ValueError when the step is not there.
    """
    status, result = get_task_result_no_wait(result_url)
    event = "status" if status in _FINISHED else "steps" if _step(result, substep).get("cleared") else None
    if event is not None:
        self.replace(call_webhook.s(webhook_url=webhook_url, task_url=result_url, event_type=event))
    elif retry:
        raise ResultUnchangedError


@CELERY.task(name=f"{__name__}.call_webhook", bind=True, ignore_result=True, max_retries=MOST_RETRIES)
def call_webhook(self: Any, webhook_url: str, task_url: str, event_type: str | None) -> None:
    """POST to a subscriber which task changed and how; tried again with growing pauses, then given up."""
    asked = f"source={quote(task_url, safe='')}" + (f"&event={quote(event_type, safe='')}" if event_type else "")
    url = f"{webhook_url}{'&' if '?' in webhook_url else '?'}{asked}"
    try:
        with REQUEST_SESSION.post(url, timeout=_WEBHOOK_SECONDS) as answer:
            if 400 <= answer.status_code < 500 and answer.status_code not in _MAY_CHANGE:
                _LOGGER.info("webhook %s does not want to know: %s", webhook_url, answer.status_code)
                return
            answer.raise_for_status()
    except UrlError as error:
        # A rule does not change from one try to the next.
        _LOGGER.warning("webhook %s is not allowed: %s", webhook_url, error)
    except (RequestException, OSError) as error:
        if self.request.retries >= MOST_RETRIES:
            _LOGGER.warning("webhook %s given up after %d tries: %s", webhook_url, MOST_RETRIES + 1, error)
            return
        raise self.retry(exc=error, countdown=FIRST_RETRY_SECONDS * 2**self.request.retries) from error


def _status(result: Any) -> Status:
    """Unknown words are failures; `ERROR` is what the seed's text calls one, `CANCELLED` is how some write it."""
    said = result.get("status") if isinstance(result, dict) else None
    said = "CANCELED" if said == "CANCELLED" else said
    return cast("Status", said) if said in {"PENDING", *_FINISHED} else "FAILURE"


def _news(status: Status, result: Any) -> Literal["status", "steps"] | None:
    if status in _FINISHED:
        return "status"
    steps = result.get("steps") or [{"cleared": True}]
    return None if steps[-1].get("cleared") else "steps"


def _step(result: Any, substep: str | int) -> dict[str, Any]:
    steps: list[dict[str, Any]] = result.get("steps") or []
    if isinstance(substep, int):
        if 0 <= substep < len(steps):
            return dict(steps[substep])
    else:
        for step in reversed(steps):
            if step.get("stepId") == substep:
                return dict(step)
    raise ValueError(f"the task has no step {substep}")


def _subscribe(subscribe_url: str, webhook_url: str, events: Literal["all"] | Sequence[str]) -> bool:
    wanted: Sequence[str | None] = [None] if events == "all" else events
    try:
        for event in wanted:
            body = {"command": "subscribe", "webhookHref": webhook_url, "event": event}
            with REQUEST_SESSION.post(subscribe_url, json=body, timeout=3) as response:
                response.raise_for_status()
    except RequestException as error:
        _LOGGER.info("%s takes no subscription: %s", subscribe_url, error)
        return False
    return True
