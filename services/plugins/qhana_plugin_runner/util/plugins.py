"""What a plugin is: a class below QHAnaPluginBase. Defining one registers an instance of it; `loading` finds them.

What is wrong with a plugin stays with it: whatever is raised is kept in `FAILURES`, with where and why, and shown.
"""

import re
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

from flask import Flask
from flask.blueprints import Blueprint
from packaging.version import InvalidVersion, Version
from packaging.version import parse as parse_version
from werkzeug.utils import cached_property

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,499}")
"""What stands in a URL without quoting, and in the names of blueprints and Celery tasks."""
_MOST_CAUSE: Final = 500


def plugin_identifier(name: str, version: str) -> str:
    """Names one version of a plugin: `hello-world@v0-2-1`. Its dots are dashes, as blueprints' names have none."""
    return f"{name.replace('.', '-')}@{version.replace('.', '-')}"


class PluginRefused(Exception):
    """A plugin that cannot be had; says why in a sentence."""


@dataclass(frozen=True, kw_only=True)
class PluginFailure:
    """A plugin, or a part of one, that does not work."""

    name: str
    """Of the plugin, or of its module where it did not get so far."""
    location: str
    """The file or folder it comes from, or its module."""
    cause: str
    """One line for everybody."""
    trace: str = field(default="", repr=False)
    """The traceback, for staff and logs."""


FAILURES: Final[list[PluginFailure]] = []
"""What failed since the process began, in order."""


def tell_failure(name: str, location: str, error: BaseException, app: Flask | None = None) -> None:
    """Keep and log why something failed; the same failure is kept once."""
    cause = " ".join(f"{type(error).__name__}: {error}".split())[:_MOST_CAUSE]
    if isinstance(error, PluginRefused):
        cause = str(error)
    failure = PluginFailure(name=name, location=location, cause=cause, trace="".join(traceback.format_exception(error)))
    FAILURES[:] = [each for each in FAILURES if (each.name, each.location) != (name, location)] + [failure]
    if app is not None:
        app.logger.warning("plugin %s (%s) does not work: %s", name, location, cause, exc_info=error)


class QHAnaPluginBase:
    """The base of every plugin."""

    name: ClassVar[str]
    """Stable and URL-safe."""
    version: ClassVar[str]
    """As PEP 440 writes versions."""
    description: str = ""
    tags: ClassVar[list[str]] = []
    has_api: ClassVar[bool] = False
    """Whether its blueprint is mounted; set by the host."""
    instance: ClassVar["QHAnaPluginBase"]
    """The plugin itself, from the moment its class is defined."""

    __app__: ClassVar[Flask | None] = None
    __plugins__: ClassVar[dict[str, "QHAnaPluginBase"]] = {}
    __failed__: ClassVar[list[tuple[type["QHAnaPluginBase"], BaseException]]] = []

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Register an instance; a class that cannot be a plugin is left without `instance`."""
        super().__init_subclass__(**kwargs)
        try:
            plugin = cls(QHAnaPluginBase.__app__)
            _check(plugin, QHAnaPluginBase.__plugins__)
        except Exception as error:
            QHAnaPluginBase.__failed__.append((cls, error))
            name = getattr(cls, "name", None)
            tell_failure(str(name or cls.__qualname__), ".".join(_origin(cls)), error, QHAnaPluginBase.__app__)
            return
        QHAnaPluginBase.__plugins__[plugin.identifier] = plugin
        cls.instance = plugin

    def __init__(self, app: Flask | None) -> None:
        """`app` is the host, where there is one already."""
        self.app: Flask | None = None
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Keep the app; for plugins that need its configuration."""
        self.app = app

    @staticmethod
    def get_plugins() -> dict[str, "QHAnaPluginBase"]:
        """Every registered plugin by its identifier."""
        return QHAnaPluginBase.__plugins__

    @staticmethod
    def get_failed_plugins() -> list[tuple[type["QHAnaPluginBase"], BaseException]]:
        """Classes that could not be registered, and why."""
        return QHAnaPluginBase.__failed__

    @cached_property
    def identifier(self) -> str:
        """Name and version, safe in URLs."""
        return plugin_identifier(self.name, self.version)

    @cached_property
    def parsed_version(self) -> Version:
        """The version, ready to be compared. Raises InvalidVersion, which no plugin that is registered does."""
        return parse_version(self.version)

    def get_api_blueprint(self) -> Blueprint:
        """The plugin's endpoints. Raises NotImplementedError when it has none, or not now."""
        raise NotImplementedError

    def get_requirements(self) -> str:
        """What it needs installed, as requirements.txt has it. Raises NotImplementedError when it needs nothing."""
        raise NotImplementedError


def _origin(cls: type[QHAnaPluginBase]) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


def _check(plugin: QHAnaPluginBase, plugins: "Mapping[str, QHAnaPluginBase]") -> None:
    given: Mapping[str, object] = {word: getattr(plugin, word, None) for word in ("name", "version")}
    for word, value in given.items():
        if not isinstance(value, str) or not value:
            raise PluginRefused(f"a plugin must have a {word}")
    if not _NAME.fullmatch(plugin.name):
        raise PluginRefused(f"{plugin.name!r} is no name for a plugin: it must stand in a URL unquoted")
    try:
        local = Version(plugin.version).local
    except InvalidVersion as error:
        raise PluginRefused(f"{plugin.version!r} is no version as PEP 440 has them") from error
    if local is not None:
        raise PluginRefused(f"{plugin.version!r} is no public version: nothing may follow a plus sign")
    # PEP 440 lets spaces stand round a version, and an identifier nothing that a URL would quote.
    if not _NAME.fullmatch(plugin.version.replace("!", "-")):
        raise PluginRefused(f"{plugin.version!r} is no version: it must stand in a URL unquoted")
    known = plugins.get(plugin.identifier)
    if known is not None and _origin(type(known)) != _origin(type(plugin)):
        raise PluginRefused(f"the identifier {plugin.identifier} is taken by {'.'.join(_origin(type(known)))}")
