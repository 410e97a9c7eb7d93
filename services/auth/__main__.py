"""`python -m services.auth`: serve, migrate, or what staff do at the command line."""

import argparse
import asyncio
import os
from collections.abc import Sequence

import sqlalchemy as sa

from services.auth import bootstrap
from services.auth import commands as staff_commands
from services.auth.settings import Settings
from services.auth.tokens import KeyFileUnusable
from services.foundation import logs, migrations
from services.foundation.rpc.server import CannotListen, until_told_to_stop
from services.foundation.settings import complain, load


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
        elif asked.command in (None, "serve"):
            asyncio.run(_serve(settings))
        else:
            asyncio.run(staff_commands.run(settings, asked))
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
    staff_commands.add_parsers(commands)
    return parser


async def _serve(settings: Settings) -> None:
    await migrations.require_current(settings.database, bootstrap.MIGRATIONS, "auth")
    auth = bootstrap.build(settings)
    # Before the port opens: whoever finds it open may already send SIGTERM.
    told_to_stop = asyncio.create_task(until_told_to_stop())
    try:
        async with auth.telling() as loops:
            server = bootstrap.build_server(auth)
            await server.start(settings.bind, bootstrap.SERVICES)
            await server.ready()
            await asyncio.wait({told_to_stop, *loops}, return_when=asyncio.FIRST_COMPLETED)
            await server.drain(settings.drain_seconds)
            for loop in loops:
                if loop.done():
                    # It never ends by itself: what broke it is told, and whoever supervises starts the service anew.
                    loop.result()
    finally:
        told_to_stop.cancel()
        await auth.close()


if __name__ == "__main__":
    main()
