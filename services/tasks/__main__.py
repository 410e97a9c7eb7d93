"""`python -m services.tasks` serves; `python -m services.tasks migrate` brings the database to the newest schema."""

import asyncio
import sys
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from services.foundation import logs, migrations, settings
from services.foundation.rpc import server
from services.tasks import bootstrap
from services.tasks.settings import Settings

MIGRATIONS: Final = Path(__file__).parent / "migrations"


async def _serve(given: Settings) -> bool:
    await migrations.require_current(given.database, MIGRATIONS, bootstrap.NAME)
    return await bootstrap.serve(given)


def main(arguments: list[str]) -> None:
    """Do what the command line says; a start that cannot be is one sentence and a non-zero exit."""
    if arguments not in ([], ["migrate"]):
        raise settings.complain("usage: python -m services.tasks [migrate]")
    given = settings.load(Settings)
    if arguments == ["migrate"]:
        migrations.migrate_command(given.database, MIGRATIONS)
        return
    logs.configure(bootstrap.NAME, given.log_level)
    try:
        well = asyncio.run(_serve(given))
    except (migrations.StaleSchema, server.PortTaken) as error:
        raise settings.complain(str(error)) from error
    except sa.exc.OperationalError as error:
        raise settings.complain(f"the database cannot be reached: {error.orig}") from error
    if not well:
        raise settings.complain("a part of the service broke; the log says which")


if __name__ == "__main__":
    main(sys.argv[1:])
