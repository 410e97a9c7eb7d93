"""What runs in a worker."""

import io
import json
import re
from collections import Counter

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.plugin_utils.entity_marshalling import save_entities
from qhana_plugin_runner.requests import open_url
from qhana_plugin_runner.storage import STORE

from . import IDENTIFIER


@CELERY.task(name=f"{IDENTIFIER}.count-words")
def count_words(db_id: int) -> str:
    """Count; what is returned becomes the result's log."""
    task = ProcessingTask.get_by_id(db_id)
    if task is None:
        raise KeyError(f"there is no processing task {db_id}")
    parameters = json.loads(task.parameters)
    counts: Counter[str] = Counter()
    with open_url(parameters["text_url"], stream=True) as response:
        for line in response.iter_lines():
            counts.update(re.findall(r"\w+", line.decode("utf-8", "replace").lower()))
    if not counts:
        raise ValueError("There is not a word in this text.")
    often = [(word, count) for word, count in counts.most_common() if count >= parameters["at_least"]]
    file = io.StringIO()
    save_entities(({"ID": word, "href": "", "count": count} for word, count in often), file, "application/json")
    # A task that lost its worker after this is run again, and must not put its file out twice.
    if not task.outputs:
        STORE.persist_task_result(db_id, file.getvalue(), "words.json", "entity/list", "application/json")
    return f"{counts.total()} words, {len(counts)} different ones."
