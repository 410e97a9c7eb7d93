"""What everybody sees says what is so: tokens, who may sign up, what search engines and links to it show."""

import html
import re

import pytest
from daydream.auth.v1 import auth_pb2

from tests.support.gateway import PAGE, Site


async def page(site: Site, path: str) -> str:
    """What a browser is shown."""
    return html.unescape((await site.http.get(path, headers=PAGE)).text)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/", "100 tokens when you sign up"),
        ("/docs", "it comes with 100 tokens"),
        ("/sign-in", "it comes with 100 tokens"),
        ("/sign-up", "It comes with 100 tokens"),
    ],
)
async def test_pages_tell_the_real_number_of_tokens_that_one_begins_with(site: Site, path: str, says: str) -> None:
    assert says in await page(site, path)


@pytest.mark.parametrize("path", ["/", "/docs", "/sign-in", "/sign-up"])
async def test_while_auth_is_away_no_number_is_made_up(site: Site, path: str) -> None:
    await site.backends.auth_server.drain(0)

    shown = await page(site, path)

    assert "100 tokens" not in shown
    assert "None" not in shown


async def test_where_nobody_may_sign_up_no_page_offers_it(site: Site) -> None:
    site.backends.auth.sign_up_mode = auth_pb2.SIGN_UP_MODE_CLOSED

    shown = [await page(site, path) for path in ("/", "/docs", "/sign-in")]

    assert not any("/sign-up" in each for each in shown)
    assert "Accounts are made by whoever runs this server" in shown[0]


@pytest.mark.parametrize("path", ["/", "/gallery", "/docs", "/terms"])
async def test_a_link_to_a_page_can_say_what_it_is_about(site: Site, path: str) -> None:
    shown = await page(site, path)

    said = re.findall(r'<meta (?:name|property)="(description|og:\w+)" content="([^"]+)"', shown)
    assert {"description", "og:title", "og:description", "og:image"} <= {name for name, _ in said}
    image = dict(said)["og:image"]
    assert (await site.http.get(image)).headers["content-type"].startswith("image/")


async def test_a_picture_of_the_gallery_is_its_own_preview(site: Site) -> None:
    entry = site.backends.gallery.found('a "red" house')

    shown = (await site.http.get(f"/gallery/{entry.gallery_id}/view", headers=PAGE)).text

    assert 'content="a &#34;red&#34; house"' in shown
    assert f'property="og:image" content="http://localhost/gallery/{entry.gallery_id}?size=medium"' in shown


async def test_search_engines_are_told_what_is_behind_the_door(site: Site) -> None:
    answer = await site.http.get("/robots.txt")

    assert answer.headers["content-type"].startswith("text/plain")
    assert "Disallow: /studio" in answer.text
    assert "/gallery" not in answer.text


@pytest.mark.parametrize("word", ["Start image", "Strength", "Mask", "Variation strength", "Guidance rescale",
                                  "Clip skip", "LoRAs", "Sampler", "Seed", "Samples", "When I leave"])  # fmt: skip
async def test_every_control_is_explained(site: Site, word: str) -> None:
    assert re.search(rf"<dt>{word}\b", await page(site, "/docs"))
