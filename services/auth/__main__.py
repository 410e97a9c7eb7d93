"""`python -m services.auth`: serve, migrate, or make a staff account."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from services.auth import bootstrap
from services.auth.errors import EmailTaken
from services.auth.settings import Settings
from services.auth.tokens import KeyFileUnusable
from services.foundation import errors, logs, migrations
from services.foundation.rpc.server import CannotListen, until_told_to_stop
from services.foundation.settings import complain, load

EMAIL_TAKEN_EXIT: Final = 3


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    asked = _parser().parse_args(arguments)
    settings = load(Settings)
    logs.configure("auth", settings.log_level)
    # The signing key and, on SQLite, the password hashes are files: nobody else on the machine reads them.
    os.umask(0o077)
    try:
        if asked.command == "migrate":
            migrations.migrate_command(settings.database, bootstrap.MIGRATIONS)
        elif asked.command == "create-staff":
            asyncio.run(_create_staff(settings, asked))
        else:
            asyncio.run(_serve(settings))
    except (migrations.StaleSchema, CannotListen, KeyFileUnusable) as error:
        raise complain(str(error)) from error
    except sa.exc.OperationalError as error:
        raise complain(migrations.explain(error)) from error
    except OSError as error:
        raise complain(f"{error.filename} cannot be used: {error.strerror}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.auth", description="Accounts, sessions, keys and tokens.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("serve", help="answer calls until told to stop (what happens without a command)")
    commands.add_parser("migrate", help="bring the database to this version's schema")
    staff = commands.add_parser("create-staff", help="make a staff account and its API key; print both as JSON")
    staff.add_argument("--email", required=True, help="address that signs in")
    password = staff.add_mutually_exclusive_group(required=True)
    password.add_argument("--password-file", type=Path, help="file whose first line is the password")
    password.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    staff.add_argument("--api-key-stdin", action="store_true", help="read the API key to give it, too: the next line")
    staff.add_argument("--tokens", type=int, default=1000, help="what it starts with (1000)")
    return parser


async def _serve(settings: Settings) -> None:
    await migrations.require_current(settings.database, bootstrap.MIGRATIONS, "auth")
    auth = bootstrap.build(settings)
    # Before the port opens: whoever finds it open may already send SIGTERM.
    told_to_stop = asyncio.create_task(until_told_to_stop())
    try:
        server = bootstrap.build_server(auth)
        await server.start(settings.bind, bootstrap.SERVICES)
        await server.ready()
        await told_to_stop
        await server.drain(settings.drain_seconds)
    finally:
        await auth.close()


async def _create_staff(settings: Settings, asked: argparse.Namespace) -> None:
    password = _read_password(asked.password_file)
    api_key = sys.stdin.readline().strip() if asked.api_key_stdin else None
    await migrations.require_current(settings.database, bootstrap.MIGRATIONS, "auth")
    auth = bootstrap.build(settings)
    try:
        user, api_key = await auth.accounts.create_staff(
            email=asked.email, password=password, tokens=asked.tokens, key_name="first run", api_key=api_key
        )
    except EmailTaken as error:
        print(error.message, file=sys.stderr)
        raise SystemExit(EMAIL_TAKEN_EXIT) from error
    except errors.DaydreamError as error:
        raise complain(error.message) from error
    finally:
        await auth.close()
    print(json.dumps({"user_id": user.user_id, "email": user.email, "api_key": api_key}))


def _read_password(file: Path | None) -> str:
    """The first line; never an argument, which every user of the machine could read."""
    try:
        text = sys.stdin.readline() if file is None else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise complain(f"the password file {file} cannot be read") from error
    return text.splitlines()[0] if text else ""


if __name__ == "__main__":
    main()
