"""What is acknowledged is on disk: the durable settings are on where services run, not only where they are written."""

import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy import processes
from services.foundation import database
from tests.support import ports

DEPLOY = Path(__file__).parents[2] / "deploy"


async def told(engine: AsyncEngine, *questions: str) -> list[list[Any]]:
    """What the connections that services write and read with say."""
    answers = []
    for sessions in (database.make_sessions(engine), database.make_readers(engine)):
        async with sessions() as session:
            answers.append([(await session.execute(sa.text(question))).scalar_one() for question in questions])
    await engine.dispose()
    return answers


async def test_on_sqlite_every_commit_of_a_service_is_synced_to_the_write_ahead_log(tmp_path: Path) -> None:
    engine = database.open_engine(f"sqlite+aiosqlite:///{tmp_path}/test.db")

    answers = await told(engine, "PRAGMA journal_mode", "PRAGMA synchronous")

    full = 2
    assert answers == [["wal", full]] * 2


async def test_on_postgresql_every_commit_of_a_service_waits_for_the_disk(new_postgres_url: Callable[[], str]) -> None:
    answers = await told(database.open_engine(new_postgres_url()), "SHOW synchronous_commit")

    assert answers == [["on"]] * 2


def test_compose_leaves_postgresql_its_durable_defaults() -> None:
    postgres = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["postgres"]

    assert "command" not in postgres
    assert not any(word in json.dumps(postgres) for word in ("fsync", "synchronous_commit", "full_page_writes"))


@pytest.fixture
def monitored_nats(tmp_path: Path) -> Iterator[str]:
    """NATS as `make run` starts it, on ports of the test's own; where it tells of itself."""
    given = processes.Ports(web=1, auth=2, tasks=3, gpu=4, nats=ports.free_port())
    secrets = processes.Secrets(web_key="", web="", tasks="", plugins="", plugins_key="")
    (program,) = (each for each in processes.programs(given, secrets, tmp_path) if each.name == "nats")
    monitor = ports.free_port()
    server = subprocess.Popen([*program.command, "-m", str(monitor)], stderr=subprocess.DEVNULL)
    ports.wait_for_port(monitor)
    yield f"http://127.0.0.1:{monitor}"
    server.kill()
    server.wait(timeout=60)


def test_nats_as_it_is_started_locally_syncs_every_event_before_it_acknowledges_it(monitored_nats: str) -> None:
    with urllib.request.urlopen(f"{monitored_nats}/varz", timeout=60) as answer:
        about = json.load(answer)

    assert about["jetstream"]["config"]["sync_always"] is True


def test_compose_starts_nats_with_the_same_configuration() -> None:
    nats = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["nats"]
    mounted = {inside: outside for outside, inside in (volume.split(":")[:2] for volume in nats["volumes"])}

    used = Path(nats["command"][nats["command"].index("-c") + 1])

    (included,) = re.findall(r"^include (\S+)$", (DEPLOY / mounted[str(used)]).read_text(), re.MULTILINE)
    assert mounted[str(used.parent / included)] == "./nats.conf"
