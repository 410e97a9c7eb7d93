"""Finds the plugins of `PLUGIN_FOLDERS`, imports them and mounts what they serve.

A folder with `__init__.py` is one package; of any other, every module and package in it is a plugin, imported by its
bare name, save the tests that lie beside them. Nothing that one of them does keeps the host, or another one, from
starting.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import Flask, abort, request
from qhana_plugin_runner.util import plugin_probe
from qhana_plugin_runner.util.plugin_importing import import_from
from qhana_plugin_runner.util.plugins import PluginRefused, QHAnaPluginBase, tell_failure

if TYPE_CHECKING:
    from flask_smorest import Api

_NO_PLUGINS: Final = frozenset({"__pycache__", "conftest.py", "test", "tests"})


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A module or package that may hold plugins."""

    folder: Path
    """What goes on sys.path."""
    module: str
    """The name it is imported by; it need not be an identifier."""
    source: Path
    """The module's file, or the package's folder."""


def find(folders: Sequence[str | Path], app: Flask) -> list[Candidate]:
    """What the folders hold, in the order given; a folder that is not there is told as a failure."""
    found: list[Candidate] = []
    for each in folders:
        folder = Path(each).expanduser().resolve()
        if not folder.is_dir():
            tell_failure(folder.name, str(folder), PluginRefused(f"{folder} is no folder"), app)
            continue
        found += _of_folder(folder)
    return found


def _of_folder(folder: Path) -> Iterator[Candidate]:
    if (folder / "__init__.py").is_file():
        yield Candidate(folder=folder.parent, module=folder.name, source=folder)
        return
    for child in sorted(folder.iterdir()):
        if child.name.startswith(".") or child.name in _NO_PLUGINS:
            continue
        if child.is_file() and child.suffixes == [".py"] and not child.name.startswith("test_"):
            yield Candidate(folder=folder, module=child.stem, source=child)
        elif child.is_dir() and (child / "__init__.py").is_file():
            yield Candidate(folder=folder, module=child.name, source=child)


def load(app: Flask) -> None:
    """Import every plugin of `PLUGIN_FOLDERS`."""
    QHAnaPluginBase.__app__ = app
    candidates = find(app.config.get("PLUGIN_FOLDERS") or [], app)
    broken = plugin_probe.try_out(
        [(str(each.folder), each.module, each.source) for each in candidates],
        remembered=Path(app.instance_path) / "plugins-tried.json",
        seconds=float(app.config.get("PLUGIN_PROBE_SECONDS") or 0),
    )
    for each in candidates:
        try:
            import_candidate(each, broken.get(each.source))
        except (Exception, SystemExit) as error:
            tell_failure(each.module, str(each.source), error, app)


def import_candidate(candidate: Candidate, broken: str | None = None) -> None:
    """Import it. Raises what it raises; PluginRefused when it is `broken`, or its name another plugin's or Python's."""
    if broken:
        raise PluginRefused(broken)
    module = import_from(str(candidate.folder), candidate.module, candidate.source)
    file = Path(getattr(module, "__file__", None) or "")
    wanted = candidate.source / "__init__.py" if candidate.source.is_dir() else candidate.source
    if file.resolve() != wanted.resolve():
        raise PluginRefused(f"another module has the name {candidate.module}: {file}")


def mount(app: Flask, api: "Api") -> None:
    """Serve every plugin's blueprint below /plugins/<identifier>/."""
    prefix = str(app.config.get("OPENAPI_URL_PREFIX") or "").rstrip("/")
    refused: set[str] = set()
    for plugin in list(QHAnaPluginBase.get_plugins().values()):
        name: str | None = None
        kind = type(plugin)
        kind.has_api = False
        try:
            plugin.init_app(app)
            blueprint = plugin.get_api_blueprint()
            name = blueprint.name
            with warnings.catch_warnings():
                # Schemas of one name in several plugins are told apart by the description of the API by itself.
                warnings.filterwarnings("ignore", message="Multiple schemas resolved to the name")
                api.register_blueprint(blueprint, url_prefix=f"{prefix}/plugins/{plugin.identifier}/")
            kind.has_api = True
        except NotImplementedError as error:
            if error.args:
                tell_failure(plugin.name, kind.__module__, PluginRefused(str(error)), app)
        except (Exception, SystemExit) as error:
            tell_failure(plugin.name, kind.__module__, error, app)
            if name is not None and name in app.blueprints:
                refused.add(name)

    @app.before_request
    def _keep_out() -> None:
        # What was half mounted before it failed: Flask cannot take a route back.
        if request.blueprint in refused:
            abort(404)
