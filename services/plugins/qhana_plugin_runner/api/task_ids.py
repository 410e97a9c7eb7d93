"""How URLs name tasks: plugins give `url_for` the number they know, and get an address that cannot be guessed."""

import sqlalchemy as sa
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from werkzeug.routing import BaseConverter


class TaskIdConverter(BaseConverter):
    """`<task:task_id>`: a public id in the path; a public id, or the number of a task, for `url_for`."""

    regex = "[A-Za-z0-9_-]+"

    def to_url(self, value: object) -> str:
        """The public id of a task, which may be saved and not yet committed."""
        given = str(value)
        if not (given.isascii() and given.isdigit() and len(given) < 19):
            return super().to_url(given)
        found = DB.session.scalar(sa.select(ProcessingTask.public_id).where(ProcessingTask.id == int(given)))
        # An address of what is not there leads to a 404 like any other wrong one.
        return super().to_url(found or given)
