"""The good end of a drawing: pictures become results, and the processing task ends, in one transaction.

A process that dies before the commit has stored nothing that anybody sees, and another one does it all again; one that
dies after it leaves nothing to be stored.
"""

import io
import re
from collections.abc import Sequence
from typing import Any, Final

from flask import Flask
from qhana_plugin_runner.db.db import DB, utc_now
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskFile
from qhana_plugin_runner.plugin_utils.entity_marshalling import save_entities
from qhana_plugin_runner.storage import STORE

from services.plugins.generation.store import Drawings
from services.plugins.generation.values import Drawn, Held

DATA_TYPE: Final = "image/generated"
CONTENT_TYPE: Final = "image/png"
LIST_NAME: Final = "prompts.json"
LIST_DATA_TYPE: Final = "entity/list"
LIST_ATTRIBUTES: Final = ("ID", "href", "prompt", "seed", "file")
_JSON: Final = "application/json"
_MOST_NAME: Final = 60


def end_well(flask: Flask, drawings: Drawings, held: Held, pictures: Sequence[Drawn]) -> None:
    """Store these pictures as the processing task's results and end it; nothing, where it has ended already."""
    with flask.app_context():
        stored: list[TaskFile] = []
        try:
            # Copied before the first statement that writes, which keeps other writers of SQLite out.
            with DB.session.no_autoflush:
                for number, each in enumerate(pictures, 1):
                    with each.file.open("rb") as file:
                        name = file_name(number, each.prompt)
                        stored.append(_store(held.task_id, file, name, DATA_TYPE, CONTENT_TYPE))
            task = drawings.end_well(held.task_id)
            if task is not None:
                if held.listed:
                    stored.append(_store(held.task_id, _entities(stored, pictures), LIST_NAME, LIST_DATA_TYPE, _JSON))
                _end(task, len(pictures))
                DB.session.commit()
                return
        except BaseException:
            _take_back(stored)
            # Its owner may have deleted the processing task, in this very moment; all else is tried again.
            if ProcessingTask.get_by_id(held.task_id) is None:
                return
            raise
        _take_back(stored)


def file_name(number: int, prompt: str) -> str:
    """What a picture's file is called: its number, and the beginning of what it shows."""
    words = re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:_MOST_NAME].rstrip("-")
    return f"{number:02}-{words or 'picture'}.png"


def _store(task_id: int, content: Any, name: str, data_type: str, content_type: str) -> TaskFile:
    return STORE.persist_task_result(task_id, content, name, data_type, content_type, commit=False)


def _entities(files: Sequence[TaskFile], pictures: Sequence[Drawn]) -> bytes:
    # Their addresses have their numbers in them.
    DB.session.flush()
    entities = [
        {
            "ID": str(number),
            "href": STORE.get_task_file_url(file),
            "prompt": picture.prompt,
            "seed": picture.seed,
            "file": file.file_name,
        }
        for number, (file, picture) in enumerate(zip(files, pictures, strict=True), 1)
    ]
    with io.StringIO() as text:
        save_entities(entities, text, _JSON, attributes=LIST_ATTRIBUTES)
        return text.getvalue().encode()


def _end(task: ProcessingTask, pictures: int) -> None:
    if task.progress_value is not None:
        task.progress_value = task.progress_target
    task.clear_previous_step()
    task.task_status, task.finished_at = "SUCCESS", utc_now()
    task.add_task_log_entry("The picture is drawn." if pictures == 1 else f"{pictures} pictures are drawn.")


def _take_back(stored: Sequence[TaskFile]) -> None:
    # Their rows go with the transaction, and what they say has to be read before.
    for file in stored:
        STORE.remove_task_file(file)
    DB.session.rollback()
