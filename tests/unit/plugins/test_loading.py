"""Plugins are found, imported and mounted; what breaks one of them stays with it."""

import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.db.models.virtual_plugins import VirtualPlugin
from qhana_plugin_runner.util import plugin_probe
from qhana_plugin_runner.util.plugins import FAILURES, QHAnaPluginBase, plugin_identifier

from tests.support import small_host


def _listed(app: Flask) -> dict[str, Any]:
    told: dict[str, Any] = app.test_client().get("/plugins/").get_json()
    return told


def _cause(name: str) -> str:
    (cause,) = [each.cause for each in FAILURES if each.name == name]
    return cause


def test_dots_of_names_and_versions_become_dashes_in_identifiers() -> None:
    assert plugin_identifier("hello.world", "v0.2.1") == "hello-world@v0-2-1"


def test_modules_packages_and_names_that_are_no_identifiers_are_plugins(tmp_path: Path) -> None:
    folder = small_host.write(
        tmp_path / "many",
        {
            "one-hot_t1.py": small_host.plugin("one-hot-t1"),
            "package_t1/__init__.py": "from . import inner\n",
            "package_t1/inner.py": small_host.plugin("package-t1"),
            "no_plugin_t1/readme.txt": "",
            ".hidden.py": "raise RuntimeError\n",
        },
    )
    alone = small_host.write(tmp_path / "alone_t1", {"__init__.py": small_host.plugin("alone-t1")})

    app = small_host.make(tmp_path, PLUGIN_FOLDERS=[str(folder), str(alone)])

    for name in ("one-hot-t1", "package-t1", "alone-t1"):
        answer = app.test_client().get(f"/plugins/{name}@v1-0-0/")
        assert answer.json == {"name": name, "version": "v1.0.0"}
    assert "one-hot_t1" in sys.modules


def test_tests_that_lie_beside_plugins_are_none(tmp_path: Path) -> None:
    fails = "raise AssertionError('imported')"
    tests = ("test_t13.py", "conftest.py", "tests/__init__.py", "test/__init__.py")
    beside = {
        "tested_t13.py": small_host.plugin("tested-t13"),
        "test_package_t13/__init__.py": small_host.plugin("t13"),
    }
    folder = small_host.write(tmp_path / "p", {**dict.fromkeys(tests, fails), **beside})

    app = small_host.make(tmp_path, PLUGIN_FOLDERS=[str(folder)])

    listed = _listed(app)
    assert {"tested-t13", "t13"} <= {each["name"] for each in listed["plugins"]}
    assert not [each for each in FAILURES if each.location.startswith(str(folder))]


def test_a_plugin_may_read_its_host_s_configuration_while_it_registers(tmp_path: Path) -> None:
    reads = "def __init__(self, app):\n        super().__init__(app)\n        self.description = app.config['OF_T14']\n"
    text = small_host.plugin("reads-t14").replace("def get_api", f"{reads}\n    def get_api")
    folder = small_host.write(tmp_path / "p", {"reads_t14.py": text})

    app = small_host.make(tmp_path, PLUGIN_FOLDERS=[str(folder)], PLUGIN_PROBE_SECONDS=150, OF_T14="configured")

    (listed,) = [each for each in _listed(app)["plugins"] if each["name"] == "reads-t14"]
    assert listed["description"] == "configured"


@pytest.mark.parametrize(
    ("name", "text", "cause"),
    [
        ("raises_t2", "raise LookupError('so it is')", "LookupError: so it is"),
        ("leaves_t2", "import sys\nsys.exit(3)", "SystemExit: 3"),
        ("needs_t2", "import package_that_is_not_there", "No module named 'package_that_is_not_there'"),
        ("json", "VALUE = 1", "another module has the name json"),
    ],
)
def test_an_import_that_fails_is_told_and_hurts_nobody_else(tmp_path: Path, name: str, text: str, cause: str) -> None:
    good = f"good-{name.replace('_', '-')}"
    folder = small_host.write(tmp_path / "plugins", {f"{name}.py": text, f"zz_good_{name}.py": small_host.plugin(good)})

    app = small_host.make(tmp_path, PLUGIN_FOLDERS=[str(folder)])

    assert cause in _cause(name)
    listed = _listed(app)
    assert good in [each["name"] for each in listed["plugins"]]
    assert {"name": name, "cause": _cause(name)} in listed["failed"]


def test_a_blueprint_that_fails_is_told_and_the_others_are_served(tmp_path: Path) -> None:
    broken = small_host.plugin("broken-t3").replace("return BLP", "raise ValueError('no blueprint today')")
    folder = small_host.write(tmp_path / "p", {"a_t3.py": broken, "b_t3.py": small_host.plugin("whole-t3")})

    app = small_host.make(tmp_path, PLUGIN_FOLDERS=[str(folder)])

    assert _cause("broken-t3") == "ValueError: no blueprint today"
    assert app.test_client().get("/plugins/whole-t3@v1-0-0/").status_code == 200
    assert app.test_client().get("/plugins/broken-t3@v1-0-0/").status_code == 404


def test_a_plugin_without_a_blueprint_is_not_listed_and_no_failure(tmp_path: Path) -> None:
    silent = small_host.plugin("silent-t4").replace("return BLP", "raise NotImplementedError")
    folder = small_host.write(tmp_path / "p", {"silent_t4.py": silent})

    app = small_host.make(tmp_path, PLUGIN_FOLDERS=[str(folder)])

    assert "silent-t4" not in str(_listed(app))


def test_a_plugin_whose_dependencies_are_missing_says_so_and_what_it_requires(tmp_path: Path) -> None:
    late = """
        try:
            from .code_with_dependencies import BLP
            return BLP
        except ImportError:
            raise NotImplementedError("Plugin dependencies not installed.")

    def get_requirements(self):
        return "package-that-is-not-there"
"""
    text = small_host.plugin("late-t15").replace("        return BLP\n", late)
    needs = "import package_that_is_not_there"
    folder = small_host.write(tmp_path / "p/late_t15", {"__init__.py": text, "code_with_dependencies.py": needs})

    app = small_host.make(tmp_path, PLUGIN_FOLDERS=[str(folder)])

    assert _cause("late-t15") == "Plugin dependencies not installed."
    assert app.test_client().get("/plugins/late-t15@v1-0-0/").status_code == 404
    assert "package-that-is-not-there" in app.test_cli_runner().invoke(args=["install", "--dry-run"]).output


@pytest.mark.parametrize("name", ["", "with/slash", "with space", "ümlaut", "@home", "-begin"])
def test_a_class_whose_name_cannot_stand_in_a_url_is_no_plugin(name: str) -> None:
    made = type("Odd", (QHAnaPluginBase,), {"name": name, "version": "v1"})

    assert not hasattr(made, "instance")
    assert QHAnaPluginBase.get_failed_plugins()[-1][0] is made


@pytest.mark.parametrize(
    "version", ["", "newest", "v1..0", "v1.", "v1-0-0", "vv1.0.0", " v1.0.0", "v1.0.0\n", "v1.0 beta", "v1.0.0+build.5"]
)
def test_a_class_whose_version_is_no_public_one_of_pep_440_is_no_plugin(version: str) -> None:
    made = type("Odd", (QHAnaPluginBase,), {"name": "odd-t11", "version": version})

    assert not hasattr(made, "instance")
    assert QHAnaPluginBase.get_failed_plugins()[-1][0] is made


@pytest.mark.parametrize("version", ["1.0", "0.0.1", "v1.0.0", "v2026.7.17", "1.0rc1"])
def test_every_public_version_of_pep_440_is_one(version: str) -> None:
    made: Any = type("Even", (QHAnaPluginBase,), {"name": "even-t12", "version": version})

    QHAnaPluginBase.get_plugins().pop(made.instance.identifier)
    assert made.instance.identifier == f"even-t12@{version.replace('.', '-')}"


def test_of_two_plugins_with_one_identifier_the_first_stays(tmp_path: Path) -> None:
    folder = small_host.write(
        tmp_path / "p", {"a_t5.py": small_host.plugin("twin-t5"), "b_t5.py": small_host.plugin("twin-t5")}
    )

    small_host.make(tmp_path, PLUGIN_FOLDERS=[str(folder)])

    assert type(QHAnaPluginBase.get_plugins()["twin-t5@v1-0-0"]).__module__ == "a_t5"
    assert "the identifier twin-t5@v1-0-0 is taken by a_t5.Plugin" in _cause("twin-t5")


def test_a_celery_task_name_of_another_plugin_is_refused(tmp_path: Path) -> None:
    task = 'from qhana_plugin_runner.celery import CELERY\n\n@CELERY.task(name="task-t6")\ndef task():\n    pass\n'
    folder = small_host.write(tmp_path / "p", {"a_t6.py": task, "b_t6.py": task})

    small_host.make(tmp_path, PLUGIN_FOLDERS=[str(folder)])

    assert "the Celery task task-t6 of b_t6 is a_t6's already" in _cause("b_t6")


def test_plugins_name_their_periodic_tasks_when_the_app_is_complete_and_hurt_nobody_else(tmp_path: Path) -> None:
    waits = "from qhana_plugin_runner.celery import CELERY\n@CELERY.on_after_finalize.connect\n"
    text = f"""{waits}def fails(sender, **_):
    raise LookupError
{waits}def registers(sender, **_):
    sender.add_periodic_task(30.0, watch.s(), name="watched-t15")
@CELERY.task(name="watches_t15.watch")
def watch():
    pass
"""
    folder = small_host.write(tmp_path / "p", {"watches_t15.py": text})

    small_host.make(tmp_path, PLUGIN_FOLDERS=[str(folder)])

    planned = CELERY.conf.beat_schedule.pop("watched-t15")
    assert planned["task"] == "watches_t15.watch"
    assert planned["schedule"] == 30.0


def test_a_name_alone_leads_to_the_newest_version(tmp_path: Path) -> None:
    versions = ["v0.9.0", "v0.10.0", "v0.2.0"]
    files = {f"v{number}_t7.py": small_host.plugin("aged-t7", version) for number, version in enumerate(versions)}
    folder = small_host.write(tmp_path / "p", files)

    app = small_host.make(tmp_path, PLUGIN_FOLDERS=[str(folder)])
    answer = app.test_client().get("/plugins/aged-t7/")

    assert (answer.status_code, answer.headers["Location"]) == (307, "/plugins/aged-t7@v0-10-0/")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    small_host.make(tmp_path, PLUGIN_FOLDERS=[str(tmp_path / "nowhere-t8")])

    assert _cause("nowhere-t8").endswith("nowhere-t8 is no folder")


def test_an_import_that_ends_the_process_is_found_out_before_and_remembered(tmp_path: Path) -> None:
    folder = small_host.write(
        tmp_path,
        {
            "fine_t9.py": "print('noise')",
            "ends_t9.py": "import os\nos._exit(7)",
            "last_t9.py": "raise ValueError",
        },
    )
    memory = tmp_path / "tried.json"
    names = ("fine_t9", "ends_t9", "last_t9")
    candidates = [(str(folder), name, folder / f"{name}.py") for name in names]

    broken = plugin_probe.try_out(candidates, remembered=memory, seconds=150)
    again = plugin_probe.try_out(candidates, remembered=memory, seconds=0.001)

    assert broken == again
    assert {each.stem: why for each, why in broken.items()} == {"ends_t9": "its import ended the process (exit code 7)"}


def test_an_import_that_holds_the_process_is_found_out_before_and_remembered(tmp_path: Path) -> None:
    file = tmp_path / "hangs_t15.py"
    file.write_text("while True:\n    pass")
    memory = tmp_path / "tried.json"

    broken = plugin_probe.try_out([(str(tmp_path), "hangs_t15", file)], remembered=memory, seconds=2)
    again = plugin_probe.try_out([(str(tmp_path), "hangs_t15", file)], remembered=memory, seconds=150)

    assert broken == again == {file: "its import did not end within 2 s"}


def test_a_plugin_that_was_changed_is_tried_again(tmp_path: Path) -> None:
    file = tmp_path / "bettered_t10.py"
    file.write_text("import os\nos._exit(7)")
    candidates = [(str(tmp_path), "bettered_t10", file)]
    memory = tmp_path / "tried.json"
    before = plugin_probe.try_out(candidates, remembered=memory, seconds=150)

    file.write_text("x = 1")
    after = plugin_probe.try_out(candidates, remembered=memory, seconds=150)

    assert (list(before), after) == ([file], {})


def test_virtual_plugins_are_listed_with_their_parent_and_only_with_addresses_of_the_web(tmp_path: Path) -> None:
    folder = small_host.write(tmp_path / "p", {"parent_t11.py": small_host.plugin("parent-t11")})
    app = small_host.make(tmp_path, PLUGIN_FOLDERS=[str(folder)])
    with app.app_context():
        for parent, name, href in (
            ("parent-t11", "child-t11", "http://host.test/child/"),
            ("parent-t11@v1-0-0", "odd-t11", "javascript:alert(1)"),
            ("nobody-t11", "orphan-t11", "http://host.test/orphan/"),
        ):
            plugin = VirtualPlugin(parent_id=parent, name=name, version="v1", description="", tags="a\nb", href=href)
            DB.session.add(plugin)
        DB.session.commit()

    listed = {each["name"]: each for each in _listed(app)["plugins"] if each["name"].endswith("-t11")}

    assert set(listed) == {"parent-t11", "child-t11"}
    assert (listed["child-t11"]["apiRoot"], listed["child-t11"]["tags"]) == ("http://host.test/child/", ["a", "b"])


def test_schemas_of_one_name_in_two_plugins_are_no_matter_for_a_warning(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    own = (
        "from marshmallow import Schema, fields\n\nclass InputSchema(Schema):\n    x = fields.String()\n\n"
        "@BLP.route('/process/', methods=['POST'])\n@BLP.arguments(InputSchema())\n"
        "def process(data):\n    return data\n"
    )
    files = {f"{letter}_t13.py": f"{small_host.plugin(f'{letter}-t13')}\n{own}" for letter in "ab"}
    folder = small_host.write(tmp_path / "p", files)

    app = small_host.make(tmp_path, PLUGIN_FOLDERS=[str(folder)])

    assert "/plugins/b-t13@v1-0-0/process/" in app.test_client().get("/api-spec.json").get_json()["paths"]
    assert [str(each.message) for each in recwarn if "Multiple schemas" in str(each.message)] == []
