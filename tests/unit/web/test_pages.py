"""The pages and what their scripts ask for."""

import html
import json
import re
from typing import Any

import pytest

from services.foundation import errors
from tests.support.gateway import ADA_KEY, PAGE, Site


async def boot_of(site: Site, path: str = "/studio") -> dict[str, Any]:
    """What the studio page hands its scripts."""
    page = (await site.http.get(path, headers=PAGE)).text
    found = re.search(r'data-boot="([^"]*)"', page)
    assert found is not None
    boot: dict[str, Any] = json.loads(html.unescape(found[1]))
    return boot


async def test_the_studio_comes_with_its_tasks_models_and_tokens(site: Site) -> None:
    session_id = site.sign_in_as()
    headers = await site.script_headers()
    task = (await site.http.post("/studio/tasks", json={"prompt": "a red house"}, headers=headers)).json()

    boot = await boot_of(site)

    assert (boot["session"], boot["tokens"]) == (session_id, 99)
    assert [each["id"] for each in boot["tasks"]] == [task["id"]]
    assert boot["models"][0]["limits"]["max_size"] == 512
    assert boot["models"][0]["step_times"][0] == {
        "width": 256, "height": 256, "step_us": 60_000, "image_us": 250_000, "shared_step_us": 40_000,
        "images_at_once": 4,
    }  # fmt: skip


async def test_the_timeline_is_this_sessions_until_all_are_asked_for(site: Site) -> None:
    await site.http.post("/api/v1/tasks", json={"prompt": "by key"}, headers=ADA_KEY)
    site.sign_in_as()

    session, everything = await boot_of(site), await boot_of(site, "/studio?scope=all")

    assert session["tasks"] == []
    assert [each["parameters"]["prompt"] for each in everything["tasks"]] == ["by key"]


async def test_older_tasks_come_a_page_at_a_time(site: Site) -> None:
    for number in range(30):
        await site.http.post("/api/v1/tasks", json={"prompt": f"number {number}"}, headers=ADA_KEY)
    site.sign_in_as()
    boot = await boot_of(site, "/studio?scope=all")

    older = (await site.http.get("/studio/tasks", params={"scope": "all", "cursor": boot["cursor"]})).json()

    assert len(boot["tasks"]) + len(older["tasks"]) == 30
    assert older["cursor"] is None


async def test_words_in_the_page_stay_words(site: Site) -> None:
    site.sign_in_as()
    prompt = "\"><script>alert('x')</script>{{7*7}}"
    await site.http.post("/studio/tasks", json={"prompt": prompt}, headers=await site.script_headers())

    page = (await site.http.get("/studio", headers=PAGE)).text

    assert "<script>alert" not in page
    assert (await boot_of(site))["tasks"][0]["parameters"]["prompt"] == prompt


async def test_without_a_worker_the_studio_still_opens(site: Site) -> None:
    site.backends.tasks.has_worker = False
    site.sign_in_as()

    boot = await boot_of(site)

    assert boot["models"] == []


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (errors.TooMuch("The queue is full.", reason="QUEUE_FULL", retry_after=3), 429),
        (errors.Unavailable("No worker has started yet.", reason="NO_WORKER"), 503),
        (errors.NotPossibleNow("You have too few tokens for this.", reason="NOT_ENOUGH_TOKENS"), 402),
        (errors.InvalidInput.of(errors.FieldViolation(field="steps", description="Steps must be 1 to 50.")), 422),
    ],
)
async def test_a_refusal_reaches_the_page_in_its_own_words(
    site: Site, refusal: errors.DaydreamError, status: int
) -> None:
    site.sign_in_as()
    site.backends.tasks.refusal = refusal

    answer = await site.http.post("/studio/tasks", json={"prompt": "a"}, headers=await site.script_headers())

    assert answer.status_code == status
    assert answer.json()["detail"] == refusal.message
    assert site.backends.auth.ada.tokens == 100


async def test_the_pages_cancel_is_the_ledgers(site: Site) -> None:
    site.sign_in_as()
    headers = await site.script_headers()
    task = (await site.http.post("/studio/tasks", json={"prompt": "a"}, headers=headers)).json()

    answer = await site.http.post(f"/studio/tasks/{task['id']}/cancel", headers=headers)

    assert answer.json()["state"] == "CANCELLED"


async def test_a_picture_of_the_page_needs_its_owners_session(site: Site) -> None:
    site.sign_in_as()
    headers = await site.script_headers()
    task = (await site.http.post("/studio/tasks", json={"prompt": "a"}, headers=headers)).json()
    await site.backends.tasks.start(task["id"], seed=42)
    image = await site.backends.tasks.deliver(task["id"])

    own = await site.http.get(f"/images/{image.image_id}?download")
    site.http.cookies.clear()
    site.sign_in_as("bob@example.org")
    anothers = await site.http.get(f"/images/{image.image_id}")

    assert own.headers["content-disposition"] == 'attachment; filename="daydream-42.png"'
    assert own.headers["content-length"] == str(image.bytes)
    assert anothers.status_code == 404


async def test_a_file_of_an_unknown_kind_is_never_shown_as_a_page(site: Site) -> None:
    task_id = (await site.http.post("/api/v1/tasks", json={"prompt": "a"}, headers=ADA_KEY)).json()["id"]
    await site.backends.tasks.start(task_id)
    image = await site.backends.tasks.deliver(task_id)
    image.content_type = "text/html"
    site.backends.tasks.tasks[task_id].images[0].content_type = "text/html"

    answer = await site.http.get(f"/api/v1/images/{image.image_id}", headers=ADA_KEY)

    assert answer.headers["content-type"] == "application/octet-stream"


async def test_the_account_shows_who_one_is_and_every_entry(site: Site) -> None:
    session_id = site.sign_in_as()

    page = (await site.http.get("/account", headers=PAGE)).text

    assert site.backends.auth.ada.user_id in page
    assert session_id in page
    assert "Signed up" in page
    assert "+100" in page


def ledger_rows(page: str) -> list[list[str]]:
    """What stands in each row of the account's table, without tags."""
    rows = re.findall(r"<tr><td.*?</tr>", page, re.DOTALL)
    return [[part.strip() for part in re.split(r"<[^>]+>", row) if part.strip()] for row in rows]


async def test_only_what_is_still_open_is_called_held(site: Site) -> None:
    site.sign_in_as()
    headers = await site.script_headers()
    prompts = ("a red house", "a blue boat " * 12)
    ids = [
        (await site.http.post("/studio/tasks", json={"prompt": prompt, "samples": 2}, headers=headers)).json()["id"]
        for prompt in prompts
    ]
    await site.backends.tasks.start(ids[0])
    await site.backends.tasks.deliver(ids[0])
    await site.backends.tasks.end(ids[0], errors.Unavailable("The worker stopped.", reason="WORKER_LOST"))

    rows = ledger_rows((await site.http.get("/account/tokens", headers=PAGE)).text)

    assert rows[0][:3] == ["Returned", "failed", "a red house"]
    assert rows[1][:2] == ["Held", "waiting"]
    assert rows[1][2] == "a blue boat a blue boat a blue boat a blue boat a blue boat a blue boat a blue …"
    assert rows[2][:2] == ["Pictures", "a red house"]


async def test_the_ledger_is_shown_while_tasks_is_away(site: Site) -> None:
    site.sign_in_as()
    await site.http.post("/studio/tasks", json={"prompt": "a"}, headers=await site.script_headers())
    await site.backends.tasks_server.drain(0)

    answer = await site.http.get("/account", headers=PAGE)

    assert answer.status_code == 200
    assert ledger_rows(answer.text)[0][:2] == ["Pictures", "1 picture"]


async def test_an_empty_session_points_to_others_only_where_there_are_any(site: Site) -> None:
    site.sign_in_as()
    before = (await site.http.get("/studio", headers=PAGE)).text
    await site.http.post("/api/v1/tasks", json={"prompt": "by key"}, headers=ADA_KEY)

    after = (await site.http.get("/studio", headers=PAGE)).text

    assert "Pictures of earlier sessions" not in before
    assert "Pictures of earlier sessions" in after


@pytest.mark.parametrize(
    "path", ["/", "/gallery", "/docs", "/terms", "/studio", "/account", "/sign-in", "/sign-up", "/reset-password"]
)
async def test_no_link_of_a_page_leads_nowhere(site: Site, path: str) -> None:
    if path not in {"/sign-in", "/sign-up", "/reset-password"}:
        site.sign_in_as()
    page = (await site.http.get(path, headers=PAGE)).text
    links, forms = (set(re.findall(rf'(?:{names})="(/[^"#]*)', page)) for names in ("href|src", "action"))

    for link in links | forms:
        answer = await site.http.get(html.unescape(link), headers=PAGE)
        # What a form is sent to need not be a page.
        assert answer.status_code in ({200, 303, 405} if link in forms else {200, 303}), link
    for anchor in set(re.findall(rf'href="(?:{path})?#([^"]+)"', page)):
        assert f'id="{anchor}"' in page, anchor


@pytest.mark.parametrize("path", ["/", "/gallery", "/docs"])
async def test_pictures_hang_beside_their_prompts(site: Site, path: str) -> None:
    page = (await site.http.get(path, headers=PAGE)).text
    pictures = re.findall(r'<img src="([^"]+)"', page)

    answers = [await site.http.get(picture) for picture in pictures]

    assert len(pictures) >= 8
    assert {answer.status_code for answer in answers} == {200}
