"""What staff can do at the command line, on the machine itself: each prints one line of JSON.

Whoever may run these may read the database, so nobody is asked who they are.
"""

import argparse
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from services.auth import bootstrap
from services.auth.errors import EmailTaken, UserNotFound
from services.auth.settings import Settings
from services.auth.values import CodeKind
from services.foundation import errors, migrations
from services.foundation.settings import complain

EMAIL_TAKEN_EXIT: Final = 3
# Where the gateway takes a link's secret.
RESET_PATH: Final = "/reset-password?token="

Command = Callable[[bootstrap.Auth, argparse.Namespace], Awaitable[Mapping[str, Any]]]


def add_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the commands to the parser."""
    staff = commands.add_parser("create-staff", help="make a staff account and its API key; print both as JSON")
    staff.add_argument("--email", required=True, help="address that signs in")
    password = staff.add_mutually_exclusive_group(required=True)
    password.add_argument("--password-file", type=Path, help="file whose first line is the password")
    password.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    staff.add_argument("--api-key-stdin", action="store_true", help="read the API key to give it, too: the next line")
    staff.add_argument("--tokens", type=int, default=1000, help="what it starts with (1000)")
    code = commands.add_parser("issue-code", help="make a code worth tokens, or an invitation; print it as JSON")
    worth = code.add_mutually_exclusive_group(required=True)
    worth.add_argument("--tokens", type=int, default=0, help="what each redemption is worth")
    worth.add_argument("--invitation", action="store_true", help="lets a new person in where sign-up is by code")
    code.add_argument("--reason", required=True, help="why, for the ledger of whoever redeems it")
    code.add_argument("--max-redemptions", type=int, default=1, help="how many may redeem it (1)")
    link = commands.add_parser("reset-link", help="make the link with which a person sets a new password")
    link.add_argument("--email", required=True, help="whose password")
    link.add_argument("--site", default="", help="address of the site, such as https://studio.example.org")


async def run(settings: Settings, asked: argparse.Namespace) -> None:
    """Do what was asked and print what came of it. Exits with a sentence when it is refused."""
    # Read first: a password that cannot be read is told whatever the database's state.
    given = _read(asked) if asked.command == "create-staff" else {}
    await migrations.require_current(settings.database, bootstrap.MIGRATIONS, "auth")
    auth = bootstrap.build(settings)
    try:
        printed = await _COMMANDS[asked.command](auth, argparse.Namespace(**vars(asked), **given))
    except EmailTaken as error:
        print(error.message, file=sys.stderr)
        raise SystemExit(EMAIL_TAKEN_EXIT) from error
    except errors.DaydreamError as error:
        raise complain(error.message) from error
    finally:
        await auth.close()
    print(json.dumps(printed))


async def _create_staff(auth: bootstrap.Auth, asked: argparse.Namespace) -> Mapping[str, Any]:
    user, api_key = await auth.accounts.create_staff(
        email=asked.email, password=asked.password, tokens=asked.tokens, key_name="first run", api_key=asked.api_key
    )
    return {"user_id": user.user_id, "email": user.email, "api_key": api_key}


async def _issue_code(auth: bootstrap.Auth, asked: argparse.Namespace) -> Mapping[str, Any]:
    code, text = await auth.codes.issue(
        "",
        kind=CodeKind.INVITATION if asked.invitation else CodeKind.TOKENS,
        tokens=asked.tokens,
        reason=asked.reason,
        max_redemptions=asked.max_redemptions,
        expire_time=None,
    )
    return {"code_id": code.code_id, "code": text, "tokens": code.tokens, "max_redemptions": code.max_redemptions}


async def _reset_link(auth: bootstrap.Auth, asked: argparse.Namespace) -> Mapping[str, Any]:
    user = await auth.accounts.find(asked.email)
    if user is None:
        raise UserNotFound
    link, secret = await auth.resets.create("", user_id=user.user_id)
    url = f"{asked.site.rstrip('/')}{RESET_PATH}{secret}"
    return {"user_id": user.user_id, "email": user.email, "link": url, "expires": link.expire_time.isoformat()}


_COMMANDS: Final[Mapping[str, Command]] = {
    "create-staff": _create_staff,
    "issue-code": _issue_code,
    "reset-link": _reset_link,
}


def _read(asked: argparse.Namespace) -> Mapping[str, Any]:
    """The first lines; never an argument, which every user of the machine could read."""
    file: Path | None = asked.password_file
    try:
        text = sys.stdin.readline() if file is None else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise complain(f"the password file {file} cannot be read") from error
    api_key = sys.stdin.readline().strip() if asked.api_key_stdin else None
    return {"password": text.splitlines()[0] if text else "", "api_key": api_key}
