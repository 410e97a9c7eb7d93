"""The host as a whole: its configuration, its command line, its description of itself."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from qhana_plugin_runner import plugins_cli
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.fetching import UrlError
from qhana_plugin_runner.requests import get_mimetype, open_url
from qhana_plugin_runner.util import config
from qhana_plugin_runner.util.config import BadSetting, queue_urls
from qhana_plugin_runner.util.plugins import QHAnaPluginBase

from tests.support import small_host


def test_the_description_of_the_api_and_its_page_need_nothing_from_elsewhere(app: Flask) -> None:
    client = app.test_client()

    spec = client.get("/api-spec.json").get_json()
    page = client.get("/swagger-ui/").text

    assert {"/plugins/", "/tasks/{task_id}/", "/files/{file_id}/"} <= set(spec["paths"])
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(addresses) == 3
    assert all(client.get(each).status_code == 200 for each in addresses)


@pytest.mark.parametrize(
    ("database", "broker"),
    [
        ("sqlite:////var/plugins.db", "sqla+sqlite:////var/plugins-queue.db?timeout=30"),
        ("sqlite:///:memory:", "memory://"),
        ("postgresql+psycopg://u:p@h/d", "sqla+postgresql+psycopg://u:p@h/d"),
    ],
)
def test_the_queue_is_on_the_database_or_beside_it(database: str, broker: str) -> None:
    assert queue_urls(database)[0] == broker


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg"])
def test_a_database_of_postgresql_is_opened_with_the_driver_that_there_is(scheme: str) -> None:
    app = Flask("host")

    config.configure(app, {"SQLALCHEMY_DATABASE_URI": f"{scheme}://u:p@h/d"})

    assert app.config["SQLALCHEMY_DATABASE_URI"] == "postgresql+psycopg://u:p@h/d"
    assert app.config["CELERY"]["broker_url"] == "sqla+postgresql+psycopg://u:p@h/d"


def test_an_app_of_a_test_opens_files_that_the_test_has_written_and_no_others(tmp_path: Path) -> None:
    app = small_host.make(tmp_path)
    (tmp_path / "entities.json").write_text("[]")

    with app.app_context(), open_url((tmp_path / "entities.json").as_uri()) as answer:
        content, kind = answer.json(), get_mimetype(answer)

    assert (content, kind) == ([], "application/json")
    with app.app_context(), pytest.raises(UrlError):
        open_url("file:///etc/hostname")


def test_rewrite_rules_are_patterns(tmp_path: Path) -> None:
    app = small_host.make(tmp_path, URL_REWRITE_RULES={"^http://a/": "http://b/"})

    ((pattern, replacement),) = app.config["URL_REWRITE_RULES"]
    assert pattern.sub(replacement, "http://a/x") == "http://b/x"


@pytest.mark.parametrize("rules", [{"(": "x"}, {"a": 1}])
def test_a_rewrite_rule_that_is_none_is_said_in_a_sentence(tmp_path: Path, rules: dict[str, object]) -> None:
    with pytest.raises(BadSetting, match="URL_MAP"):
        small_host.make(tmp_path, URL_REWRITE_RULES=rules)


def test_tables_are_made_and_dropped_by_command(app: Flask) -> None:
    runner = app.test_cli_runner()

    dropped = runner.invoke(args=["drop-db"]).output, sa.inspect(DB.engine).get_table_names()
    created = runner.invoke(args=["create-db"]).output, sa.inspect(DB.engine).get_table_names()

    assert dropped == ("Database dropped.\n", [])
    assert created[0] == "Database created.\n"
    assert {"processing_task", "kept_message", "plugin_state"} <= set(created[1])


class _Needing(QHAnaPluginBase):
    name = "needing-t1"
    version = "v1"

    def get_requirements(self) -> str:
        return (
            "zipp>=3  # pinned loosely\n--index-url https://evil/\ngit+https://evil/x.git\n"
            "name @ https://evil/x.whl\n\nzipp>=3\npolars[all] \\\n  ~=1.0\n"
        )


class _Raising(QHAnaPluginBase):
    name = "raising-t1"
    version = "v1"

    def get_requirements(self) -> str:
        raise OSError("no file")


def test_requirements_are_merged_and_lines_from_elsewhere_refused_by_name() -> None:
    needed = plugins_cli.gather({"a@v1": _Needing.instance, "b@v1": _Needing.instance, "c@v1": _Raising.instance})

    assert set(needed.lines) == {"zipp>=3", "polars[all]~=1.0"}
    assert needed.lines["polars[all]~=1.0"] == ["a@v1", "b@v1"]
    refused = [line for plugin, line, _ in needed.refused if plugin == "a@v1"]
    assert refused == ["--index-url https://evil/", "git+https://evil/x.git", "name @ https://evil/x.whl"]
    assert ("c@v1", "get_requirements()", "OSError: no file") in needed.refused


def test_a_dry_run_says_what_pip_would_do_and_does_nothing(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["install", "--dry-run"])

    assert result.exit_code == 0
    assert "zipp>=3" in result.output
    assert "-m pip install" in result.output
    assert "git+https://evil/x.git" in result.output


def test_what_would_move_a_package_of_the_host_is_not_installed_and_what_is_there_already_is_no_matter(
    tmp_path: Path,
) -> None:
    def installed(requirement: str) -> subprocess.CompletedProcess[str]:
        needs = f"def get_requirements(self):\n        return '{requirement}'\n\n    def get_api"
        text = small_host.plugin("needs-t3").replace("def get_api", needs)
        folder = small_host.write(tmp_path / "p", {"needs_t3.py": text})
        about = {"PLUGIN_FOLDERS": str(folder), "QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER": str(tmp_path / "instance")}
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "qhana_plugin_runner", "install"],
            env={**os.environ, **about, "PIP_NO_INDEX": "1"}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    there, older = installed("flask"), installed("flask<1")

    assert there.returncode == 0, there.stderr
    assert "start the host and its workers anew" in there.stdout
    assert older.returncode != 0
    assert "(constraint)" in older.stdout + older.stderr
    assert "pip could not install what the plugins require." in older.stderr


def test_the_command_line_tells_what_is_loaded_and_what_failed(tmp_path: Path) -> None:
    folder = small_host.write(tmp_path / "p", {"odd_t2.py": "1/0", "even_t2.py": small_host.plugin("even-t2")})
    app = small_host.make(tmp_path, PLUGIN_FOLDERS=[str(folder)])

    told = app.test_cli_runner().invoke(args=["plugins"]).output

    assert "even-t2@v1-0-0\n" in told
    assert f"failed: odd_t2 ({folder / 'odd_t2.py'}): ZeroDivisionError: division by zero" in told
