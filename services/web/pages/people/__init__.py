"""People, for staff: who has an account, their tokens, the codes that staff hand out.

Nobody else gets in, here as at auth. Each module says one page: the list, a person, whether they may come in, tokens,
codes.
"""

import flask
from werkzeug.wrappers import Response

from services.foundation.bridge import Bridge
from services.web import gate
from services.web.backends.everything import Backends
from services.web.pages.people import codes, listing, person, standing, tokens


def blueprint(backends: Backends, bridge: Bridge) -> flask.Blueprint:
    """The views."""
    views = flask.Blueprint("people", __name__, url_prefix="/admin")
    gate.for_staff(views)

    @views.get("")
    def admin() -> Response:
        return flask.redirect(flask.url_for("people.users"), 303)

    people, names = backends.people, backends.names
    page = person.Page(people, names, backends.counts, bridge)
    listing.install(views, people, backends.counts, bridge)
    person.install(views, page, people, bridge)
    standing.install(views, page, people, bridge)
    tokens.install(views, people, names, bridge)
    codes.install(views, backends.codes, names, bridge)
    return views
