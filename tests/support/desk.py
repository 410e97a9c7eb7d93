"""Somebody of the staff before the gateway's pages for looking after people."""

import re
from typing import Any

from tests.support.gateway import PAGE, Site
from tests.support.gateway_accounts import Person

EMAIL = "desk@example.org"


def staff(site: Site, email: str = EMAIL) -> Person:
    """An account of the staff, signed in here."""
    person = site.backends.auth.add(email)
    person.staff = True
    site.sign_in_as(email)
    return person


async def page(site: Site, path: str) -> str:
    """What a page says."""
    answer = await site.http.get(path, headers=PAGE)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.text


async def send(site: Site, path: str, fields: dict[str, Any] | None = None, *, seen: str = "/admin/users") -> Any:
    """The answer to a form, with the token of a page that was looked at."""
    return await site.http.post(path, data={"csrf_token": await site.form_token(seen), **(fields or {})}, headers=PAGE)


async def form_of(site: Site, path: str, action: str) -> dict[str, str]:
    """The hidden fields of a page's form, as its browser would send them."""
    text = await page(site, path)
    (form,) = re.findall(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', text, re.DOTALL)
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form)
    return dict(hidden)
