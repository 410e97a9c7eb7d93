"""Pictures that people bring in the studio: by the session cookie, and only from a page of ours."""

import pytest

from services.web.streams.uploads import MOST_BYTES
from tests.support.gateway import ADA_KEY, PAGE, Served, Site
from tests.support.gateway_uploads import END
from tests.support.picture_files import PNG

UPLOADS = "/studio/uploads"


async def test_a_picture_goes_through_and_comes_back_to_its_owner_alone(served: Served) -> None:
    served.sign_in_as()
    headers = {**await served.script_headers(), "Content-Type": "image/png"}

    answer = await served.http.post(UPLOADS, content=PNG, headers=headers)

    assert answer.status_code == 201
    upload = answer.json()
    assert (upload["width"], upload["height"]) == (40, 20)
    assert upload["url"] == answer.headers["location"] == f"{UPLOADS}/{upload['id']}"
    back = await served.http.get(upload["url"])
    assert (back.status_code, back.headers["content-type"], back.content) == (200, "image/png", PNG)
    assert "private" in back.headers["cache-control"]
    assert (await served.http.head(upload["url"])).status_code == 200
    served.sign_in_as("bob@example.org")
    assert (await served.http.get(upload["url"])).json()["reason"] == "UPLOAD_NOT_FOUND"
    assert (await served.http.get(f"{UPLOADS}/nothing")).status_code == 404


@pytest.mark.parametrize("token", [None, "", "ImFiYyI.aaaa.bbbb"], ids=["none", "empty", "made up"])
async def test_what_another_site_sends_with_the_cookie_is_not_believed(served: Served, token: str | None) -> None:
    served.sign_in_as()
    await served.form_token("/studio")
    headers = {} if token is None else {"X-CSRFToken": token}

    answer = await served.http.post(UPLOADS, content=PNG, headers=headers)

    assert (answer.status_code, answer.json()["reason"]) == (400, "FORM_OUT_OF_DATE")
    assert not served.backends.tasks.uploads
    assert served.backends.tasks.heard == 0


async def test_a_form_field_is_no_header(served: Served) -> None:
    served.sign_in_as()
    token = await served.form_token("/studio")

    answer = await served.http.post(UPLOADS, data={"csrf_token": token})

    assert answer.json()["reason"] == "FORM_OUT_OF_DATE"
    assert served.backends.tasks.heard == 0


async def test_a_token_of_another_sign_in_is_not_believed(served: Served) -> None:
    served.sign_in_as()
    token = await served.form_token("/studio")
    del served.http.cookies["dd_page"]
    await served.form_token("/studio")

    answer = await served.http.post(UPLOADS, content=PNG, headers={"X-CSRFToken": token})

    assert answer.json()["reason"] == "FORM_OUT_OF_DATE"


async def test_a_stranger_and_a_key_bring_nothing(served: Served) -> None:
    stranger = await served.http.post(UPLOADS, content=PNG, headers=ADA_KEY)

    assert (stranger.status_code, stranger.json()["reason"]) == (401, "SESSION_ENDED")
    assert served.backends.tasks.heard == 0
    assert (await served.http.get(f"{UPLOADS}/upload-1", headers=ADA_KEY)).status_code == 401


@pytest.mark.parametrize("body", [b"no picture", bytes(MOST_BYTES) + END], ids=["words", "too large"])
async def test_what_is_refused_is_told_with_a_sentence(served: Served, body: bytes) -> None:
    served.sign_in_as()
    headers = await served.script_headers()

    answer = await served.http.post(UPLOADS, content=body, headers=headers)

    assert (answer.status_code, answer.json()["reason"]) == (422, "PICTURE_REFUSED")
    assert answer.json()["detail"].endswith(".")
    assert not served.backends.tasks.uploads


async def test_the_page_learns_what_each_model_is_able_to(served: Served) -> None:
    served.backends.tasks.model = type(served.backends.tasks.model)()
    served.backends.tasks.model.name = "filler"
    served.backends.tasks.model.adapters.append("ink")
    served.backends.tasks.model.inpainting_only = True
    served.backends.tasks.model.limits.max_clip_skip = 11
    served.sign_in_as()

    (model,) = (await served.http.get("/studio/state", headers=PAGE)).json()["models"]

    assert (model["adapters"], model["inpainting_only"], model["limits"]["max_clip_skip"]) == (["ink"], True, 11)


async def test_a_task_of_the_page_begins_from_what_was_brought(served: Served) -> None:
    served.sign_in_as()
    headers = await served.script_headers()
    upload = (await served.http.post(UPLOADS, content=PNG, headers=headers)).json()
    asked = {"prompt": "a house", "start_image": {"upload_id": upload["id"]}, "strength": 0.35}

    answer = await served.http.post("/studio/tasks", json=asked, headers=headers)

    assert answer.status_code == 202
    told = answer.json()["parameters"]
    assert (told["start_image"], told["strength"]) == (asked["start_image"], 0.35)


@pytest.mark.parametrize(("referrer", "status"), [("https://localhost/studio", 201), ("https://elsewhere/", 400)])
async def test_over_tls_the_page_it_comes_from_is_looked_at_too(site: Site, referrer: str, status: int) -> None:
    site.sign_in_as()
    headers = {**await site.script_headers(), "Referer": referrer}

    answer = await site.http.post(f"https://localhost{UPLOADS}", content=PNG, headers=headers)

    assert answer.status_code == status
    assert len(site.backends.tasks.uploads) == (status == 201)
