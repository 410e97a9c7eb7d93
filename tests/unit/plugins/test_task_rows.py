"""Processing tasks and what plugins keep: saved, changed at any depth, found again, deleted whole."""

from typing import Any

import pytest
from flask import Flask
from qhana_plugin_runner.db.db import DB, utc_now
from qhana_plugin_runner.db.models.mutable_json import NestedMutableDict, NestedMutableList
from qhana_plugin_runner.db.models.tasks import (
    ProcessingTask,
    Step,
    StepNotCleared,
    TaskFile,
    TaskLink,
    TaskUpdateSubscription,
)
from qhana_plugin_runner.db.models.virtual_plugins import DataBlob, PluginState, VirtualPlugin
from sqlalchemy_json.track import TrackedDict, TrackedList

pytestmark = pytest.mark.usefixtures("app")


def _task(**values: Any) -> ProcessingTask:
    task = ProcessingTask(task_name="test", **values)
    task.save(commit=True)
    return task


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "text", [], {"a": [1]}])
def test_data_takes_any_json(value: Any) -> None:
    task = _task()

    task.data = value
    task.save(commit=True)
    DB.session.expire_all()

    assert task.data == value
    assert type(task.data) is type(value) or isinstance(task.data, dict | list)


def test_changes_deep_within_data_are_saved() -> None:
    task = _task(data={"a": {"b": [{"c": 1}]}})
    data: Any = task.data

    data["a"]["b"][0]["c"] += 1
    data["a"]["b"].append("more")
    task.save(commit=True)
    DB.session.expire_all()

    assert task.data == {"a": {"b": [{"c": 2}, "more"]}}
    assert isinstance(task.data, TrackedDict)


def test_the_kinds_that_nested_data_has_are_named_beside_its_column() -> None:
    task = _task(data={"a": [1]})
    data: Any = task.data

    kinds = type(data), type(data["a"])

    assert kinds == (NestedMutableDict, TrackedList)
    assert issubclass(NestedMutableList, TrackedList)


def test_a_task_is_pending_until_it_is_finished_and_an_error_is_a_failure() -> None:
    task = _task(task_status="ERROR")

    before = task.status
    task.finished_at = utc_now()

    assert (before, task.status, task.is_ok) == ("PENDING", "FAILURE", False)


def test_a_finished_task_of_which_nobody_said_how_is_unknown() -> None:
    assert _task(finished_at=utc_now()).status == "UNKNOWN"


def test_steps_follow_one_another_only_when_cleared() -> None:
    task = _task()
    task.clear_previous_step(commit=True)
    task.add_next_step("http://a/", "http://a/ui", "first", commit=True)

    with pytest.raises(StepNotCleared):
        task.add_next_step("http://b/", "http://b/ui", "second")
    task.clear_previous_step()
    task.add_next_step("http://b/", "http://b/ui", "second", commit=True)

    assert [(each.number, each.step_id, each.cleared) for each in task.steps] == [
        (0, "first", True),
        (1, "second", False),
    ]
    assert (task.current_step, task.multi_step, task.has_uncleared_step) == (1, True, True)


def test_log_entries_stand_below_each_other() -> None:
    task = _task()

    task.add_task_log_entry("one")
    task.add_task_log_entry("two", commit=True)

    assert task.task_log == "one\ntwo"


def test_every_saved_change_of_a_task_or_of_what_is_its_counts_a_revision() -> None:
    task = _task()
    revisions = [task.revision]

    task.progress_value = 5
    DB.session.commit()
    revisions.append(task.revision)
    task.add_next_step("http://a/", "http://a/ui", "first", commit=True)
    revisions.append(task.revision)
    task.clear_previous_step(commit=True)
    revisions.append(task.revision)
    TaskLink(task, type="more", href="http://c/").save(commit=True)
    revisions.append(task.revision)
    DB.session.commit()
    revisions.append(task.revision)

    assert revisions == [1, 2, 3, 4, 5, 5]


def test_deleting_a_task_deletes_all_that_is_its_and_its_number_is_not_used_again() -> None:
    task = _task()
    number = task.id
    task.add_next_step("http://a/", "http://a/ui", "first", commit=True)
    TaskFile(task=task, security_tag="t", storage_provider="s", file_name="f", file_storage_data="d").save()
    TaskUpdateSubscription(task, webhook_href="http://w/", task_href="http://t/").save(commit=True)

    ProcessingTask.delete(number, commit=True)

    assert ProcessingTask.get_by_id(number) is None
    assert Step.get_by_id(number) == []
    assert DB.session.query(TaskFile).count() == DB.session.query(TaskUpdateSubscription).count() == 0
    assert _task().id > number


def test_a_subscription_without_an_event_hears_all_and_one_with_hears_its_own() -> None:
    task = _task()
    for event in (None, "steps", "status"):
        TaskUpdateSubscription(task, webhook_href=f"http://{event}/", task_href="http://t/", event_type=event).save()
    DB.session.commit()

    told = TaskUpdateSubscription.get_by_task_and_event(task, "steps")

    assert [each.webhook_href for each in told] == ["http://None/", "http://steps/"]


def test_a_task_is_found_by_its_number_as_text_too() -> None:
    task = _task()
    task.add_next_step("http://a.example/1", "http://a.example/1-ui", "one", commit=True)
    TaskUpdateSubscription(task, webhook_href="http://b.example/", task_href="t").save(commit=True)
    number: Any = str(task.id)

    assert ProcessingTask.get_by_id(number) is task
    assert [step.step_id for step in Step.get_by_id(number)] == ["one"]
    assert len(TaskUpdateSubscription.get_by_task_and_event(number, "steps")) == 1
    assert len(TaskUpdateSubscription.get_by_task_and_subscriber(number, "http://b.example/")) == 1
    assert TaskFile.get_task_result_files(number) == []


@pytest.mark.parametrize("odd", ["", "x", "1x", "-1", "1" * 36, "１", None])
def test_what_is_no_number_finds_no_task(odd: Any) -> None:
    _task()

    assert ProcessingTask.get_by_id(odd) is None


def test_results_of_a_task_leave_out_what_is_temporary() -> None:
    task = _task()
    for kind in ("entity/list", "temp-file"):
        TaskFile(
            task=task, security_tag="t", storage_provider="s", file_name=kind, file_storage_data="d", file_type=kind
        ).save()
    DB.session.commit()

    assert [each.file_name for each in TaskFile.get_task_result_files(task.id)] == ["entity/list"]


def test_state_and_blobs_are_kept_by_plugin_and_key(app: Flask) -> None:
    del app
    assert PluginState.set_value("p@v1", "k", {"a": 1}, commit=True) is None
    assert PluginState.set_value("p@v1", "k", [2], commit=True) == {"a": 1}
    assert DataBlob.set_value("p@v1", "k", b"\x00", commit=True) is None
    assert DataBlob.set_value("p@v1", "k", "text", commit=True) == b"\x00"

    assert PluginState.get_value("p@v1", "k") == [2]
    assert DataBlob.get_value("p@v1", "k") == b"text"
    assert PluginState.get_value("p@v2", "k", None) is None
    assert [each.key for each in PluginState.get_all_items_like("p@")] == ["k"]
    PluginState.delete_value("p@v1", "k", commit=True)
    DataBlob.delete_value("p@v1", "k", commit=True)
    with pytest.raises(KeyError):
        PluginState.get_value("p@v1", "k")
    with pytest.raises(KeyError):
        DataBlob.get_value("p@v1", "k")


def test_virtual_plugins_are_found_by_parent_href_and_name() -> None:
    for version in ("v1", "v2"):
        DB.session.add(
            VirtualPlugin(
                parent_id="parent",
                name="child",
                version=version,
                description="",
                tags="a\n\nb",
                href=f"http://{version}/",
            )
        )
    DB.session.commit()

    assert [each.identifier for each in VirtualPlugin.get_all(for_parents=["parent"])] == ["child@v1", "child@v2"]
    assert VirtualPlugin.get_all(for_parents=[]) == []
    found = VirtualPlugin.get_by_href("http://v2/", "parent")
    assert found is not None
    assert found.tag_list == ["a", "b"]
    VirtualPlugin.delete_by_href("http://v2/", commit=True)
    assert VirtualPlugin.exists([VirtualPlugin.href == "http://v1/"])
    assert not VirtualPlugin.exists([VirtualPlugin.href == "http://v2/"])
