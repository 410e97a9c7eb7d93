"""Where people sign in, tasks belong to them: in a request, another's task is not there.

Plugins look tasks up by themselves, by the number or the public id that stands in an address of theirs, so it is not
left to them. What a plugin keeps elsewhere, in its state, its blobs or tables of its own, is the plugin's affair.
"""

from http import HTTPStatus
from typing import Any, Final

import sqlalchemy as sa
from flask import Flask, abort, has_request_context, request
from qhana_plugin_runner import identity
from qhana_plugin_runner.api.refusals import refuse
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from sqlalchemy.orm import ORMExecuteState, with_loader_criteria

_NAMES: Final = ("db_id", "task_id")
"""What plugins call a task's number, or its public id, in their routes."""
_OWN_API: Final = "tasks-api"
_EVERYBODYS: Final = "tasks_of_everybody"
"""The execution option of a statement that looks beyond the asker's own."""
_MOST_DIGITS: Final = 18
"""Of a task's number; what is longer is a public id."""


def register_ownership(app: Flask) -> None:
    """Keep requests to what is their asker's, in an app whose REQUIRE_LOGIN is on."""
    app.before_request(_keep_out)


@sa.event.listens_for(DB.session, "do_orm_execute")
def _own_only(state: ORMExecuteState) -> None:
    """Every statement on tasks finds the asker's own; what a request has loaded before may be read again."""
    if state.is_column_load or not has_request_context() or not identity.is_required():
        return
    if not (state.is_select or state.is_update or state.is_delete) or state.execution_options.get(_EVERYBODYS):
        return
    owner = identity.current_user_id()
    mine: Any = sa.false() if owner is None else ProcessingTask.owner == owner
    state.statement = state.statement.options(with_loader_criteria(ProcessingTask, mine, include_aliases=True))


def _keep_out() -> None:
    """No view is called with the number of another's task, even one that only hands it on to a worker."""
    if not identity.is_required():
        return
    if identity.ENVIRON not in request.environ:
        # Served by something that does not ask who calls, flask run say: nobody is better than everybody.
        refuse(HTTPStatus.UNAUTHORIZED, message="Sign in first; nothing in front of this host asks who you are.")
    if request.blueprint == _OWN_API:
        # It looks for itself, and says of another's what it says of what never was.
        return
    for name in _NAMES:
        if (given := (request.view_args or {}).get(name)) is not None and _is_anothers(str(given)):
            abort(HTTPStatus.NOT_FOUND)


def _is_anothers(given: str) -> bool:
    if not (given.isascii() and given.isdigit()):
        return False
    named = ProcessingTask.id == int(given) if len(given) <= _MOST_DIGITS else ProcessingTask.public_id == given
    asked = sa.select(ProcessingTask.owner).where(named).execution_options(**{_EVERYBODYS: True})
    found = DB.session.execute(asked).one_or_none()
    return found is not None and (found.owner is None or found.owner != identity.current_user_id())
