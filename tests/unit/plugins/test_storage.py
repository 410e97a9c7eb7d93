"""Files of tasks: whatever a plugin hands over is stored whole, has an address, is served safely, can be removed."""

import gzip
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest
import sqlalchemy as sa
from flask import Flask
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskFile
from qhana_plugin_runner.requests import open_url, retrieve_filename
from qhana_plugin_runner.storage import STORE, FileStore
from sqlalchemy.orm.exc import StaleDataError

from tests.support import small_host


def _task() -> ProcessingTask:
    task = ProcessingTask(task_name="test")
    task.save(commit=True)
    return task


def _spooled(mode: str, content: Any) -> IO[Any]:
    file: IO[Any] = tempfile.SpooledTemporaryFile(mode=mode)  # noqa: SIM115 - who gets it reads it
    file.write(content)
    return file


def _packed(text: str) -> IO[str]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - who gets it reads it
    file.write(gzip.compress(text.encode()))
    file.seek(0)
    return gzip.open(file, "rt", encoding="utf-8")


def _stream() -> IO[bytes]:
    class Once(io.RawIOBase):
        left = [b"s", b"tream"]  # noqa: RUF012 - one test's

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            return self.left.pop(0) if self.left else b""

    return Once()  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("make", "content"),
    [
        (lambda: "grün", "grün".encode()),
        (lambda: b"\x00\xff", b"\x00\xff"),
        (lambda: io.StringIO("text"), b"text"),
        (lambda: io.BytesIO(b"bytes"), b"bytes"),
        (lambda: _spooled("w", "spooled text, not rewound"), b"spooled text, not rewound"),
        (lambda: _spooled("w", "a,b\r\n1,2\r\n"), b"a,b\r\n1,2\r\n"),
        (lambda: _spooled("wb", b"spooled bytes"), b"spooled bytes"),
        (lambda: _packed("text in a packed file"), b"text in a packed file"),
        (_stream, b"stream"),
        (lambda: "", b""),
    ],
)
@pytest.mark.usefixtures("app")
def test_whatever_is_handed_over_is_stored_whole(make: Callable[[], Any], content: bytes) -> None:
    file = STORE.persist_task_result(_task().id, make(), "out.txt", "entity/list", "text/plain")

    with STORE.open(file) as stored:
        assert stored.read() == content


def test_a_result_is_served_with_its_type_to_who_knows_its_tag_alone(app: Flask) -> None:
    file = STORE.persist_task_result(_task().id, "a,b\n", "a\r\nb.csv", "entity/list", "text/csv")
    client = app.test_client()

    address = STORE.get_task_file_url(file)
    answer = client.get(address)

    assert (answer.status_code, answer.data) == (200, b"a,b\n")
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.headers["X-Data-Type"] == "entity/list"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "\n" not in answer.headers["Content-Disposition"]
    assert client.get(f"/files/{file.id}/?file-id=guess").status_code == 404
    assert client.get(f"/files/{file.id}/").status_code == 422
    assert client.get("/files/999/?file-id=guess").status_code == 404


@pytest.mark.parametrize("mimetype", ["text/html", "image/svg+xml", "text/html; charset=utf-8", "application/xml"])
def test_what_a_browser_might_run_is_a_download(app: Flask, mimetype: str) -> None:
    file = STORE.persist_task_result(_task().id, "<script>", "page.html", "page", mimetype)

    answer = app.test_client().get(STORE.get_task_file_url(file))

    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.usefixtures("app")
def test_files_of_one_name_do_not_overwrite_each_other_and_names_cannot_lead_out(tmp_path: Path) -> None:
    task = _task()

    files = [
        STORE.persist_task_result(task.id, str(number), "../../same.txt", "entity/list", "text/plain")
        for number in range(2)
    ]

    assert [STORE.open(each).read() for each in files] == [b"0", b"1"]
    assert all(Path(each.file_storage_data).is_relative_to(tmp_path / "files") for each in files)
    with pytest.raises(ValueError, match="must not lead out"):
        STORE.persist_file(b"", "../escaped.txt")


@pytest.mark.usefixtures("app")
def test_temporary_files_are_found_by_id_and_are_no_results() -> None:
    task = _task()

    file = STORE.persist_task_temp_file(task.id, b"later", "step.bin")

    again = TaskFile.get_by_id(file.id)
    assert again is not None
    assert STORE.open(again).read() == b"later"
    assert TaskFile.get_task_result_files(task.id) == []
    with open_url(STORE.get_task_file_url(file, external=False)) as answer:
        assert answer.content == b"later"


@pytest.mark.usefixtures("app")
def test_a_url_can_be_kept_instead_of_a_file() -> None:
    file = STORE.persist_task_result(
        _task().id, "http://elsewhere/x", "x", "entity/list", "text/csv", storage_provider="url_file_store"
    )

    assert STORE.get_task_file_url(file) == "http://elsewhere/x"
    with pytest.raises(ValueError, match="URLs"):
        STORE.persist_task_result(_task().id, "file:///etc/passwd", "x", "t", "m", storage_provider="url_file_store")


@pytest.mark.usefixtures("app")
def test_results_need_a_task() -> None:
    with pytest.raises(KeyError):
        STORE.persist_task_result(4711, b"", "x", "entity/list", "text/csv")


def test_a_store_that_a_plugin_brings_is_had_by_its_name(tmp_path: Path) -> None:
    class Brought(FileStore, name="brought_t1"):
        """Keeps nothing."""

    app = small_host.make(tmp_path)

    assert isinstance(STORE["brought_t1"], Brought)
    assert STORE["brought_t1"].app is app


def test_deleting_a_task_deletes_its_files(app: Flask, tmp_path: Path) -> None:
    task = _task()
    STORE.persist_task_result(task.id, b"x", "x.txt", "entity/list", "text/plain")
    STORE.persist_task_temp_file(task.id, b"y", "y.txt")

    answer = app.test_client().delete(f"/tasks/{task.public_id}/")

    assert answer.status_code == 204
    assert [each for each in (tmp_path / "files").rglob("*") if each.is_file()] == []


@pytest.mark.parametrize(
    ("data_type", "descriptions", "told"),
    [
        ("entity/list", 1, True),
        ("entity/list", 0, False),
        # Which of several describes these entities, nobody says.
        ("entity/list", 2, False),
        ("image/generated", 1, False),
        ("entity/attribute-metadata", 1, False),
    ],
)
def test_entities_are_served_with_the_address_of_what_describes_their_attributes(
    app: Flask, data_type: str, descriptions: int, told: bool
) -> None:
    task = _task()
    with app.test_request_context():
        for _ in range(descriptions):
            about = STORE.persist_task_result(
                task.id, "[]", "about.json", "entity/attribute-metadata", "application/json"
            )
        file = STORE.persist_task_result(task.id, "ID\r\n1\r\n", "a.csv", data_type, "text/csv")
        address = STORE.get_task_file_url(file)
        expected = STORE.get_task_file_url(about) if told else None

    answer = app.test_client().get(address)

    assert answer.status_code == 200
    assert answer.headers.get("X-Attribute-Metadata") == expected


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("out.csv", "inline; filename=out.csv"),
        ("two words.csv", 'inline; filename="two words.csv"'),
        ("grün.csv", "inline; filename=grun.csv; filename*=UTF-8''gr%C3%BCn.csv"),
        ("図", "inline; filename=file; filename*=UTF-8''%E5%9B%B3"),
    ],
)
def test_a_file_is_served_with_a_name_that_every_reader_finds(app: Flask, name: str, disposition: str) -> None:
    file = STORE.persist_task_result(_task().id, "1", name, "entity/list", "text/csv")

    answer = app.test_client().get(STORE.get_task_file_url(file))

    assert answer.headers["Content-Disposition"] == disposition
    received = SimpleNamespace(url="http://host.test/files/1/", headers=answer.headers)
    assert retrieve_filename(received) == Path(name).stem


def test_nothing_is_left_of_a_file_whose_task_is_deleted_while_it_is_written(app: Flask, tmp_path: Path) -> None:
    number = _task().id
    DB.session.rollback()

    class Late(io.BytesIO):
        """Its task goes when the first bytes are read."""

        def read(self, size: int | None = -1) -> bytes:
            with DB.engine.begin() as other:
                other.execute(sa.delete(ProcessingTask).where(ProcessingTask.id == number))
            return super().read(size)

    with pytest.raises(StaleDataError):
        STORE.persist_task_result(number, Late(b"late"), "late.txt", "entity/list", "text/plain")
    DB.session.rollback()

    assert [each for each in (tmp_path / "files").rglob("*") if each.is_file()] == []
