"""Runs a service with a fault planted in it from outside; the service itself knows of none.

`python -m tests.support.sabotage '{"faults": [...], "clock": 0}' services.tasks …` wraps the functions that the faults
name, then runs the module as `python -m` would. A fault strikes when its function is reached, so that a process dies
at exactly that point and not near it.
"""

import datetime
import functools
import importlib
import inspect
import json
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, NoReturn


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that happens to a process."""

    at: str
    """A function, as `package.module:Class.method`."""
    when: Literal["before", "after"]
    """Before it does anything, or after all it did and before its caller learns of it."""
    do: Literal["kill", "hang"] = "kill"
    """Die of SIGKILL, or block the thread that reached it, an event loop's with all that runs there, for good."""
    nth: int = 1
    """At which of its calls."""


def command(module: str, *arguments: str, faults: tuple[Fault, ...] = (), clock: float = 0) -> list[str]:
    """The command line that runs a module with these faults, its clock being `clock` seconds ahead of the machine's."""
    if not faults and not clock:
        return [sys.executable, "-m", module, *arguments]
    plan = json.dumps({"faults": [asdict(fault) for fault in faults], "clock": clock})
    return [sys.executable, "-m", "tests.support.sabotage", plan, module, *arguments]


def strike(fault: Fault) -> NoReturn:
    """Let it happen."""
    if fault.do == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    while True:
        time.sleep(3600)


def plant(fault: Fault) -> None:
    """Wrap the function that a fault names."""
    module, _, path = fault.at.partition(":")
    owner: Any = importlib.import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    setattr(owner, name, _wrapped(getattr(owner, name), fault))


def _wrapped(function: Callable[..., Any], fault: Fault) -> Callable[..., Any]:
    calls = 0

    def reached() -> bool:
        nonlocal calls
        calls += 1
        return calls == fault.nth

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def later(*args: Any, **kwargs: Any) -> Any:
            now = reached()
            if now and fault.when == "before":
                strike(fault)
            result = await function(*args, **kwargs)
            if now:
                strike(fault)
            return result

        return later

    @functools.wraps(function)
    def at_once(*args: Any, **kwargs: Any) -> Any:
        now = reached()
        if now and fault.when == "before":
            strike(fault)
        result = function(*args, **kwargs)
        if now:
            strike(fault)
        return result

    return at_once


def set_clock(ahead: float) -> None:
    """Let this process believe that it is so many seconds later than the machine says."""
    real_time, real = time.time, datetime.datetime

    class Kind(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real)

    class Wrong(datetime.datetime, metaclass=Kind):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return cls.fromtimestamp(time.time(), tz)

    time.time = lambda: real_time() + ahead
    datetime.datetime = Wrong  # type: ignore[misc]


def main() -> None:
    """Plant what the first argument says, then be the module that the second one names."""
    plan = json.loads(sys.argv[1])
    if plan["clock"]:
        set_clock(plan["clock"])
    for each in plan["faults"]:
        plant(Fault(**each))
    module = sys.argv[2]
    sys.argv = sys.argv[2:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
