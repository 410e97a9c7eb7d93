"""The server's API as the command uses it. Every foreign error becomes one of ours here."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import httpx_sse

from cli.access import Access
from cli.errors import Failure, NotAuthenticated, NotNow, Unreachable, WrongUse

ENDED: Final = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
_TRIES: Final = 5
_LOOKS: Final = 120
_LOOK_SECONDS: Final = 0.5
# Taking a picture in means to decode and to encode it, which others may be waiting for too.
_SENDING: Final = httpx.Timeout(15, read=60, write=60)

# Between two pieces of an archive a picture is read from a disk that others use too.
_PACKING: Final = httpx.Timeout(15, read=60)

Task = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Archive:
    """An archive that is being read."""

    images: int
    """How many pictures it holds."""
    size: int
    """Bytes of their files together; the archive is a little larger."""
    pieces: Iterator[bytes]
    """The ZIP file."""


class Api:
    """A client of `/api/v1`. Use as a context manager."""

    def __init__(self, access: Access, *, pause: Callable[[float], None] = time.sleep) -> None:
        """`pause` waits between two tries, in seconds."""
        self._url, self._pause = access.url, pause
        try:
            self._http = httpx.Client(
                base_url=access.url, headers={"Authorization": f"Bearer {access.api_key}"}, timeout=httpx.Timeout(15)
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise WrongUse(f"{access.url} is no address of a server: {error}") from error

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *_exception: object) -> None:
        self._http.close()

    def submit(self, parameters: Mapping[str, Any], *, key: str) -> Task:
        """Ask for a generation. The key makes it safe to send again, which is done when nobody could take it."""
        return self._patiently(
            lambda: self._json("POST", "/api/v1/tasks", json=dict(parameters), headers={"Idempotency-Key": key})
        )

    def upload(self, picture: bytes) -> str:
        """Bring a picture; its id. Sent again when nobody could take it: one too many is forgotten in a day."""
        upload = self._patiently(lambda: self._json("POST", "/api/v1/uploads", content=picture, timeout=_SENDING))
        return str(upload["id"])

    def tasks(self, limit: int, cursor: str = "") -> tuple[list[Task], str | None]:
        """A page of the caller's tasks, newest first, and the cursor of the next."""
        page = self._json("GET", "/api/v1/tasks", params={"limit": limit, **({"cursor": cursor} if cursor else {})})
        return page["tasks"], page["next_cursor"]

    def cancel(self, task_id: str) -> Task:
        """Stop a task."""
        task: Task = self._json("POST", f"/api/v1/tasks/{task_id}/cancel")
        return task

    def stop(self, task_id: str) -> Task:
        """Stop a task and wait for its end, a minute at most: its worker may still finish a step."""
        task = self._patiently(lambda: self.cancel(task_id))
        for _ in range(_LOOKS):
            if task["state"] in ENDED:
                break
            self._pause(_LOOK_SECONDS)
            task = self._patiently(lambda: self._json("GET", f"/api/v1/tasks/{task_id}"))
        return task

    def follow(self, task_id: str) -> Iterator[Task]:
        """The task as it changes, to its end, over however many broken lines."""
        last_id, failures = "", 0
        while True:
            try:
                for task, event_id in self._events(task_id, last_id):
                    last_id, failures = event_id, 0
                    yield task
                    if task["state"] in ENDED:
                        return
            except (Unreachable, NotNow):
                failures += 1
                if failures >= _TRIES:
                    raise
            else:
                # The line was closed before the end; a task that ended meanwhile would never speak on a new one.
                task = self._patiently(lambda: self._json("GET", f"/api/v1/tasks/{task_id}"))
                if task["state"] in ENDED:
                    yield task
                    return
            self._pause(min(0.5 * 2**failures, 5))

    def download(self, path: str) -> Iterator[bytes]:
        """The bytes of a file of ours."""
        with self._streamed(path, httpx.Timeout(15)) as answer:
            yield from answer.iter_bytes()

    @contextlib.contextmanager
    def archive(self) -> Iterator[Archive]:
        """Every picture as one ZIP file, opened to be read. A line that breaks raises; it never ends early."""
        with self._streamed("/api/v1/archive", _PACKING) as answer:
            yield Archive(
                images=int(answer.headers.get("x-daydream-images", 0)),
                size=int(answer.headers.get("x-daydream-bytes", 0)),
                pieces=answer.iter_bytes(),
            )

    @contextlib.contextmanager
    def _streamed(self, path: str, timeout: httpx.Timeout) -> Iterator[httpx.Response]:
        try:
            with self._http.stream("GET", path, timeout=timeout) as answer:
                if answer.is_error:
                    answer.read()
                    raise _refusal(answer)
                yield answer
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _events(self, task_id: str, last_id: str) -> Iterator[tuple[Task, str]]:
        headers = {"Last-Event-ID": last_id} if last_id else {}
        # The server speaks at least every 15 seconds, if only to say that it is there.
        timeout = httpx.Timeout(15, read=45)
        try:
            with httpx_sse.connect_sse(
                self._http, "GET", f"/api/v1/tasks/{task_id}/events", headers=headers, timeout=timeout
            ) as source:
                if source.response.is_error:
                    source.response.read()
                    raise _refusal(source.response)
                if source.response.status_code == httpx.codes.NO_CONTENT:
                    return
                for event in source.iter_sse():
                    if event.event in {"task", "progress"}:
                        yield event.json(), event.id
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _patiently(self, ask: Callable[[], Task]) -> Task:
        for tries in range(_TRIES):
            try:
                return ask()
            except (Unreachable, NotNow):
                if tries == _TRIES - 1:
                    raise
                self._pause(min(0.5 * 2**tries, 5))
        raise AssertionError("unreachable")

    def _json(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self._http.request(method, path, **more)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise self._unreachable(error) from error
        if answer.is_error:
            raise _refusal(answer)
        try:
            return answer.json()
        except ValueError as error:
            raise Failure(f"{self._url} does not answer like a Daydream server.") from error

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(f"{self._url} cannot be reached: {str(error) or type(error).__name__}")


def _refusal(answer: httpx.Response) -> Failure:
    try:
        problem = answer.json()
        sentence = str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        sentence = f"The server answered {answer.status_code}."
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        return NotAuthenticated(f"The API key is not accepted: {sentence}")
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return NotNow(sentence)
    if "retry-after" in answer.headers:
        sentence = f"{sentence} (try again in {answer.headers['retry-after']} s)"
    return Failure(sentence)
