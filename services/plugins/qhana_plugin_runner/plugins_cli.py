"""`flask install`, which installs what plugins require, and `flask plugins`, which tells what is loaded."""

import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click
from flask import Blueprint, Flask
from flask.cli import with_appcontext
from packaging.requirements import InvalidRequirement, Requirement
from qhana_plugin_runner.util.plugins import FAILURES, QHAnaPluginBase

PLUGIN_CLI_BLP = Blueprint("plugins_cli", __name__, cli_group=None)
_COMMENT: Final = re.compile(r"(^|\s)#.*$")


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What the plugins ask to have installed."""

    lines: dict[str, list[str]] = field(default_factory=dict)
    """Each requirement, in the order found, and the plugins that have it."""
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    """A plugin, its line, and why it is not taken."""


def gather(plugins: dict[str, QHAnaPluginBase]) -> Needed:
    """Merge what every plugin requires. Only names from the configured index are taken."""
    needed = Needed()
    for identifier, plugin in sorted(plugins.items()):
        try:
            text = plugin.get_requirements()
        except NotImplementedError:
            continue
        except Exception as error:  # Whatever a plugin raises is its own affair.
            needed.refused.append((identifier, "get_requirements()", f"{type(error).__name__}: {error}"))
            continue
        for line in _lines(text):
            why = _refusal(line)
            if why:
                needed.refused.append((identifier, line, why))
            else:
                needed.lines.setdefault(str(Requirement(line)), []).append(identifier)
    return needed


def _lines(text: str) -> list[str]:
    joined = text.replace("\\\n", " ")
    return [line for each in joined.splitlines() if (line := _COMMENT.sub("", each).strip())]


def _refusal(line: str) -> str | None:
    """Why a line is not handed to pip; None when it is."""
    if line.startswith("-"):
        return "an option: where packages come from is the operator's to say"
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return "not the name of a package"
    return "a package from elsewhere than the index" if requirement.url else None


def pip_command(file: Path | str) -> list[str]:
    """What installs the requirements of this file, none of which may move a package of the host."""
    return [sys.executable, "-m", "pip", "install", "--constraint", f"{file}.constraints", "--requirement", str(file)]


def _constraints() -> str:
    """What is installed now, exactly: plugins share these packages with the host."""
    frozen = subprocess.run(
        [sys.executable, "-m", "pip", "list", "--format=freeze", "--exclude-editable", "--disable-pip-version-check"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return "".join(f"{each}\n" for each in frozen.stdout.splitlines() if "==" in each)


@PLUGIN_CLI_BLP.cli.command("install")
@click.option("--dry-run", "-d", is_flag=True, help="Install nothing; say what pip would be given, and run.")
@click.option("--skip-runner-dependencies", "-s", is_flag=True, help="Let pip change packages of the host.")
@with_appcontext
def install(dry_run: bool, skip_runner_dependencies: bool) -> None:
    """Install what the plugins require."""
    needed = gather(QHAnaPluginBase.get_plugins())
    for identifier, line, why in needed.refused:
        click.echo(f"refused, of {identifier}: {line}: {why}", err=True)
    for line, whose in needed.lines.items():
        click.echo(f"{line}    # {', '.join(whose)}")
    if dry_run:
        click.echo(f"# would run: {shlex.join(pip_command('requirements.txt'))}")
        return
    if needed.lines:
        _install(needed, pinned=not skip_runner_dependencies)
    else:
        click.echo("The plugins require nothing.")
    if needed.refused:
        raise SystemExit(1)


def _install(needed: Needed, *, pinned: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="plugins-") as folder:
        file = Path(folder) / "requirements.txt"
        file.write_text("".join(f"{line}\n" for line in needed.lines), encoding="utf-8")
        Path(f"{file}.constraints").write_text(_constraints() if pinned else "", encoding="utf-8")
        code = subprocess.run(pip_command(file), check=False).returncode
    if code:
        click.echo("pip could not install what the plugins require.", err=True)
        raise SystemExit(code)
    click.echo("What the plugins require is installed; start the host and its workers anew.")


@PLUGIN_CLI_BLP.cli.command("plugins")
@with_appcontext
def list_plugins() -> None:
    """Tell which plugins are loaded, and why others are not."""
    for identifier, plugin in sorted(QHAnaPluginBase.get_plugins().items()):
        click.echo(f"{identifier}{'' if plugin.has_api else '    (serves nothing)'}")
    for failure in FAILURES:
        click.echo(f"failed: {failure.name} ({failure.location}): {failure.cause}")


def register_plugin_cli_blueprint(app: Flask) -> None:
    """Offer the commands in the app's command line."""
    app.register_blueprint(PLUGIN_CLI_BLP)
