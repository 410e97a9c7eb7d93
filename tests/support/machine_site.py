"""A gateway with somebody of the staff at it, and tasks of other people's behind it."""

import itertools
from typing import Final

from daydream.auth.v1 import auth_pb2
from daydream.tasks.v1 import tasks_pb2

from tests.support.gateway import Site
from tests.support.gateway_accounts import now
from tests.support.gateway_backends import Backends

STAFF: Final = "grace@example.org"
PRICE: Final = 2
_STEPS: Final = 20
_NUMBERS: Final = itertools.count(1)


def grace(site: Site) -> None:
    """Staff at the browser."""
    if STAFF not in site.backends.auth.people:
        site.backends.auth.add(STAFF).staff = True
    site.sign_in_as(STAFF)


async def grace_s_form(site: Site) -> dict[str, str]:
    """Staff at the browser, and what their forms carry."""
    grace(site)
    return {"csrf_token": await site.form_token("/admin/workers")}


async def task_of(backends: Backends, email: str, prompt: str) -> str:
    """The id of a task of somebody's that waits, its price held."""
    person = backends.auth.people[email]
    task_id = f"asked-{next(_NUMBERS)}"
    backends.auth.move(person, auth_pb2.ENTRY_KIND_HOLD, -PRICE, task_id)
    task = tasks_pb2.Task(
        task_id=task_id,
        session_id="elsewhere",
        state=tasks_pb2.TASK_STATE_QUEUED,
        parameters=tasks_pb2.Parameters(
            prompt=prompt, model="daydream-mini", steps=_STEPS, width=256, height=256, seed=-1, samples=1
        ),
        price=PRICE,
        created_time=now(),
    )
    task.progress.position, task.progress.start_ms, task.progress.steps = 1, 400, _STEPS
    backends.tasks.tasks[task_id], backends.tasks.owners[task_id] = task, person.user_id
    await backends.tasks.stored(task)
    return task_id
