"""Shows entities that have a colour and a share as bars."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar, Final

import marshmallow as ma
from flask import render_template, url_for
from flask.views import MethodView
from qhana_plugin_runner.api.plugin_schemas import PluginMetadata, PluginMetadataSchema
from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.plugin_utils.entity_marshalling import ensure_dict, load_entities
from qhana_plugin_runner.requests import get_mimetype, open_url
from qhana_plugin_runner.util.plugins import QHAnaPluginBase
from requests import RequestException

from . import pictures, showing

TITLE = "Chart of colours"
MOST: Final = 256
_BROADEST: Final = 1000


class PaletteChart(QHAnaPluginBase):
    """The plugin."""

    name = "palette-chart"
    version = "v1.0.0"
    description = "Shows the colours of a palette as bars, each as long as its share."
    tags: ClassVar[list[str]] = ["colour", "visualization"]

    def get_api_blueprint(self) -> SecurityBlueprint:
        """Its endpoints."""
        return BLP


IDENTIFIER = PaletteChart.instance.identifier
BLP = SecurityBlueprint(IDENTIFIER, __name__, description=PaletteChart.description, template_folder="templates")


class NoPalette(ValueError):
    """The entities have no colours; says which and why in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One colour."""

    colour: str
    """As `#rrggbb`."""
    share: float
    """0 to 1."""
    length: int
    """In thousandths of the longest bar."""


@BLP.route("/")
class MetadataView(MethodView):
    """What the plugin says of itself."""

    @BLP.response(HTTPStatus.OK, PluginMetadataSchema)
    @BLP.require_jwt("jwt", optional=True)
    def get(self) -> PluginMetadata:
        """Its metadata."""
        return showing.metadata(
            PaletteChart.instance,
            title=TITLE,
            address=url_for(f"{IDENTIFIER}.MicroFrontend"),
            data_type="entity/list",
            content_types=["application/json", "text/csv"],
        )


@BLP.route("/ui/")
class MicroFrontend(MethodView):
    """The page."""

    @BLP.html_response(HTTPStatus.OK, description="The page with the chart.")
    @BLP.arguments(showing.DataSchema(unknown=ma.EXCLUDE), location="query")
    @BLP.require_jwt("jwt", optional=True)
    def get(self, query: Mapping[str, Any]) -> Any:
        """Read the entities and draw them."""
        try:
            with open_url(query["data_url"], stream=True) as response:
                kind = get_mimetype(response, "application/json") or ""
                drawn = bars(load_entities(response, kind))
        except NoPalette as error:
            return showing.problem(TITLE, str(error))
        except (ValueError, RequestException) as error:
            return showing.problem(TITLE, f"The entities cannot be read: {error}")
        return render_template("daydream_images/chart.html", name=TITLE, bars=drawn)


def bars(entities: Iterable[Any]) -> Sequence[Bar]:
    """A bar for each entity. Raises NoPalette; no more is read than is drawn."""
    found: list[tuple[str, float]] = []
    for given in itertools.islice(entities, MOST + 1):
        if not isinstance(given, dict | tuple):
            raise NoPalette("This is no list of entities.")
        (entity,) = ensure_dict([given])
        name, colour = entity.get("ID", len(found) + 1), entity.get("colour")
        if not pictures.is_colour(colour):
            raise NoPalette(f"Entity {str(name)[:100]} has no colour that is written as #rrggbb.")
        found.append((str(colour), _share(name, entity.get("share"))))
    if not found or len(found) > MOST:
        raise NoPalette(f"A chart shows 1 to {MOST} colours.")
    longest = max(share for _, share in found) or 1.0
    return [
        Bar(colour=colour, share=share, length=max(1, round(_BROADEST * share / longest))) for colour, share in found
    ]


def _share(name: object, given: object) -> float:
    try:
        share = float(str(given))
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise NoPalette(f"Entity {str(name)[:100]} has no share between 0 and 1.")
    return share
