"""A start that cannot be is one plain sentence: a stale schema, a wrong setting, a port that is taken."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest


def start_alone(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run `python -m services.tasks` to its end; exit code and standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "services.tasks", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr


async def test_a_start_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    base = {"DAYDREAM_DATA_DIR": str(tmp_path), "TASKS_SERVICE_SECRET": "secret"}

    stale = await asyncio.to_thread(start_alone, base)
    migrated = await asyncio.to_thread(start_alone, base, "migrate")
    wrong = await asyncio.to_thread(start_alone, {**base, "TASKS_QUEUE_LIMIT": "none"})
    with_listener = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = with_listener.sockets[0].getsockname()[1]
    taken = await asyncio.to_thread(start_alone, {**base, "TASKS_BIND": f"127.0.0.1:{port}"})
    with_listener.close()

    assert stale[0] == 1
    assert "services.tasks migrate" in stale[1]
    assert "Traceback" not in stale[1]
    assert migrated == (0, "")
    assert wrong[0] == 2
    assert wrong[1].startswith("TASKS_QUEUE_LIMIT: ")
    assert taken[0] == 1
    assert "taken the port" in taken[1].splitlines()[-1]
    assert "Traceback" not in taken[1]


@pytest.mark.parametrize(
    ("arguments", "changes", "code", "sentence"),
    [
        ((), {"TASKS_DATABASE_URL": "postgres://nobody@127.0.0.1/tasks"}, 2, "TASKS_DATABASE_URL: must be a URL"),
        ((), {"TASKS_DATABASE_URL": "nonsense"}, 2, "TASKS_DATABASE_URL: must be a URL"),
        ((), {"TASKS_BIND": "foo"}, 2, "TASKS_BIND: must be host:port"),
        ((), {"TASKS_SERVICE_SECRET": ""}, 1, "TASKS_SERVICE_SECRET: must be set"),
        ((), {"DAYDREAM_DATA_DIR": "/dev/null/data"}, 1, "/dev/null"),
        (("migrate",), {"DAYDREAM_DATA_DIR": "/dev/null/data"}, 1, "/dev/null"),
    ],
    ids=["another scheme", "no url", "no address", "no secret", "no folder", "no folder to migrate in"],
)
async def test_a_setting_that_cannot_be_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], changes: dict[str, str], code: int, sentence: str
) -> None:
    given = {"DAYDREAM_DATA_DIR": str(tmp_path), "TASKS_SERVICE_SECRET": "secret", **changes}

    told = await asyncio.to_thread(start_alone, given, *arguments)

    assert told[0] == code
    assert told[1].startswith(sentence)
    assert len(told[1].splitlines()) == 1
