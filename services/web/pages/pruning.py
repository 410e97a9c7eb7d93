"""Pruning the gallery: staff see all that is in it, hide pictures and show them again, each time with a reason."""

from typing import Any, Final

import flask
from daydream.tasks.v1 import gallery_pb2
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import HiddenField, StringField, validators

from services.foundation import errors, paths
from services.foundation.bridge import Bridge
from services.web import gate, identifiers
from services.web.backends.accounts import Visitor
from services.web.backends.gallery import Gallery
from services.web.backends.names import Names
from services.web.pages import gallery as gallery_pages

_PAGE: Final = 24
_REASON_CHARS: Final = 200


class RulingForm(FlaskForm):  # type: ignore[misc]
    """Why, and where to go on."""

    reason = StringField(
        "Reason",
        [
            validators.InputRequired("Say why; staff alone read it."),
            validators.Length(max=_REASON_CHARS, message=f"At most {_REASON_CHARS} characters."),
        ],
        filters=[lambda text: text.strip() if text else text],
    )
    next = HiddenField()


def blueprint(gallery: Gallery, names: Names, bridge: Bridge) -> flask.Blueprint:
    """The views."""
    views = flask.Blueprint("pruning", __name__, url_prefix="/admin/gallery")
    gate.for_staff(views)

    @views.get("")
    def page() -> str:
        visitor, cursor = gate.visitor(), flask.request.args.get("cursor", "")[:512]

        async def read() -> tuple[gallery_pb2.ListGalleryResponse, list[dict[str, Any]]]:
            found = await gallery.page(visitor, page_token=cursor, page_size=_PAGE, include_hidden=True)
            return found, await told(visitor, found.gallery_images)

        found, pictures = bridge.call(read())
        return flask.render_template(
            "admin/gallery.html",
            pictures=pictures,
            form=RulingForm(formdata=None),
            here=flask.request.full_path.rstrip("?"),
            first=not cursor,
            older=found.next_page_token,
        )

    @views.get("/<gallery_id>")
    def picture(gallery_id: str) -> str:
        form = RulingForm(formdata=None, next=_onward(flask.request.args.get("next")))
        return one(gate.visitor(), identifiers.checked(gallery_id), form)

    @views.post("/<gallery_id>/hide")
    def hide(gallery_id: str) -> Response | tuple[str, int]:
        return rule(gallery_id, hidden=True)

    @views.post("/<gallery_id>/restore")
    def restore(gallery_id: str) -> Response | tuple[str, int]:
        return rule(gallery_id, hidden=False)

    def rule(gallery_id: str, *, hidden: bool) -> Response | tuple[str, int]:
        visitor, asked, form = gate.visitor(), identifiers.checked(gallery_id), RulingForm()
        if not form.validate_on_submit():
            return one(visitor, asked, form), 422
        try:
            bridge.call((gallery.hide if hidden else gallery.restore)(visitor, asked, form.reason.data))
        except errors.InvalidInput as error:
            form.reason.errors = [error.message]
            return one(visitor, asked, form), 422
        flask.flash("It is hidden from everybody but staff." if hidden else "Everybody sees it again.", "ok")
        return flask.redirect(_onward(form.next.data), 303)

    def one(visitor: Visitor, gallery_id: str, form: RulingForm) -> str:
        async def read() -> list[dict[str, Any]]:
            return await told(visitor, [await gallery.get(visitor, gallery_id)])

        (found,) = bridge.call(read())
        return flask.render_template("admin/gallery-picture.html", picture=found, form=form)

    async def told(visitor: Visitor, pictures: Any) -> list[dict[str, Any]]:
        """The pictures with the people in them by name: whose each is, and who last ruled."""
        shown = [gallery_pages.shown(each) for each in pictures]
        ids = {each["owner"] for each in shown} | {each["ruling"]["staff"] for each in shown if each["ruling"]}
        found = await names.of(visitor, ids)
        for each in shown:
            each["owner_name"] = found.get(each["owner"], each["owner"])
            if each["ruling"]:
                staff = each["ruling"]["staff"]
                each["ruling"]["staff_name"] = found.get(staff, staff) or "an account that is gone"
        return shown

    return views


def _onward(wanted: str | None) -> str:
    return paths.local(wanted, default=flask.url_for("pruning.page"))
