"""`/plugins/`: what is loaded, what is not and why."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import marshmallow as ma
from flask import redirect, url_for
from flask.views import MethodView
from qhana_plugin_runner import identity
from qhana_plugin_runner.api.refusals import refuse
from qhana_plugin_runner.api.util import MaBaseSchema, SecurityBlueprint
from qhana_plugin_runner.db.models.virtual_plugins import VirtualPlugin
from qhana_plugin_runner.util.plugins import FAILURES, PluginFailure, QHAnaPluginBase
from werkzeug.wrappers import Response

PLUGINS_API = SecurityBlueprint("plugins-api", __name__, description="The plugins of this host.", url_prefix="/plugins")
_WEB: Final = ("http://", "https://", "/")


@dataclass(frozen=True, kw_only=True)
class PluginData:
    """A plugin in the list."""

    name: str
    version: str
    identifier: str
    api_root: str
    description: str
    tags: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class PluginCollection:
    """The list."""

    plugins: Sequence[PluginData]
    failed: Sequence[dict[str, str]] = field(default_factory=list)


class PluginSchema(MaBaseSchema):
    """A plugin in the list."""

    name = ma.fields.String(required=True, dump_only=True)
    version = ma.fields.String(required=True, dump_only=True)
    identifier = ma.fields.String(required=True, dump_only=True)
    api_root = ma.fields.Url(dump_only=True)
    description = ma.fields.String(required=True, dump_only=True)
    tags = ma.fields.List(ma.fields.String(), required=True, dump_only=True)


class PluginFailureSchema(MaBaseSchema):
    """A plugin that could not be loaded."""

    name = ma.fields.String(required=True, dump_only=True)
    cause = ma.fields.String(required=True, dump_only=True)
    location = ma.fields.String(dump_only=True, metadata={"description": "The file or module; for staff."})
    trace = ma.fields.String(dump_only=True, metadata={"description": "The traceback; for staff."})


class PluginCollectionSchema(MaBaseSchema):
    """The list."""

    plugins = ma.fields.List(ma.fields.Nested(PluginSchema()), required=True, dump_only=True)
    failed = ma.fields.List(ma.fields.Nested(PluginFailureSchema()), required=True, dump_only=True)


@PLUGINS_API.route("/")
class PluginsView(MethodView):
    """All plugins."""

    @PLUGINS_API.response(HTTPStatus.OK, PluginCollectionSchema())
    def get(self) -> PluginCollection:
        """List every plugin that has an API, virtual ones included, and those that failed to load."""
        loaded = [each for each in QHAnaPluginBase.get_plugins().values() if each.has_api]
        parents = {each.identifier for each in loaded} | {each.name for each in loaded}
        listed = [_listed(each) for each in loaded]
        # An address that is none of the web's, `javascript:` say, must not become a link on somebody's page.
        virtual = [each for each in VirtualPlugin.get_all(for_parents=parents) if each.href.startswith(_WEB)]
        listed += [_virtual(each) for each in virtual]
        plugins = sorted(listed, key=lambda each: (each.name, each.version))
        return PluginCollection(plugins=plugins, failed=[_failed(each) for each in FAILURES])


@PLUGINS_API.route("/<string:plugin>/")
class PluginView(MethodView):
    """Where no plugin is mounted."""

    @PLUGINS_API.response(HTTPStatus.TEMPORARY_REDIRECT)
    def get(self, plugin: str) -> Response:
        """Go to the newest version of the plugin with this name."""
        versions = [each for each in QHAnaPluginBase.get_plugins().values() if each.has_api and each.name == plugin]
        if not versions:
            refuse(HTTPStatus.NOT_FOUND, message="No plugin of that name is loaded.")
        newest = max(versions, key=lambda each: each.parsed_version)
        address = url_for("plugins-api.PluginView", plugin=newest.identifier)
        return redirect(address, HTTPStatus.TEMPORARY_REDIRECT)


def _listed(plugin: QHAnaPluginBase) -> PluginData:
    return PluginData(
        name=plugin.name,
        version=plugin.version,
        identifier=plugin.identifier,
        api_root=url_for("plugins-api.PluginView", plugin=plugin.identifier, _external=True),
        description=_text(getattr(plugin, "description", "")),
        tags=[_text(tag) for tag in getattr(plugin, "tags", None) or []],
    )


def _failed(failure: PluginFailure) -> dict[str, str]:
    """What is wrong with it; where, and with its traceback, for staff alone: they look after this machine."""
    told = {"name": failure.name, "cause": failure.cause}
    if (asker := identity.asker()) is not None and asker.staff:
        told |= {"location": failure.location, "trace": failure.trace}
    return told


def _virtual(plugin: VirtualPlugin) -> PluginData:
    return PluginData(
        name=plugin.name,
        version=plugin.version,
        identifier=plugin.identifier,
        api_root=plugin.href,
        description=plugin.description,
        tags=plugin.tag_list,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value or "")
