"""`python -m services.tasks` serves; `python -m services.tasks migrate` brings the database to the newest schema."""

import asyncio
import sys
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from services.foundation import errors, logs, migrations, settings
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
    well = True
    try:
        if arguments == ["migrate"]:
            migrations.migrate_command(given.database, MIGRATIONS)
        elif not given.service_secret:
            raise settings.complain("TASKS_SERVICE_SECRET: must be set to the secret that auth knows this service by")
        else:
            logs.configure(bootstrap.NAME, given.log_level)
            well = asyncio.run(_serve(given))
    except (migrations.StaleSchema, server.CannotListen) as error:
        raise settings.complain(str(error)) from error
    except sa.exc.OperationalError as error:
        raise settings.complain(f"the database cannot be reached: {' '.join(str(error.orig).split())}") from error
    except errors.Unavailable as error:
        raise settings.complain("the database cannot be reached; the log says why") from error
    except OSError as error:
        if error.filename is None:
            raise
        raise settings.complain(f"{error.filename} cannot be used: {error.strerror}") from error
    if not well:
        raise settings.complain("a part of the service broke; the log says which")


if __name__ == "__main__":
    main(sys.argv[1:])
