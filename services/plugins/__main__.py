"""`python -m services.plugins` serves; `… worker` runs plugins' tasks; `… migrate` brings the database up to date."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from services.foundation import logs, migrations, settings
from services.plugins.settings import NAME, Settings, hand_over, withhold

MIGRATIONS: Final = Path(__file__).parent / "migrations"
USAGE: Final = "usage: python -m services.plugins [migrate | worker]"


def main(arguments: list[str]) -> None:
    """Do what the command line says; a start that cannot be is one sentence and a non-zero exit."""
    if arguments not in ([], ["migrate"], ["worker"]):
        raise settings.complain(USAGE)
    given = settings.load(Settings)
    withhold()
    try:
        Path(given.folder).mkdir(parents=True, exist_ok=True)
        if arguments == ["migrate"]:
            migrations.migrate_command(given.database_of_migrations, MIGRATIONS)
            return
        asyncio.run(migrations.require_current(given.database_of_migrations, MIGRATIONS, NAME))
    except migrations.StaleSchema as error:
        raise settings.complain(str(error)) from error
    except sa.exc.OperationalError as error:
        raise settings.complain(migrations.explain(error)) from error
    except sa.exc.ArgumentError as error:
        raise settings.complain(f"SQLALCHEMY_DATABASE_URI: {error}") from error
    except OSError as error:
        if error.filename is None:
            raise
        raise settings.complain(f"{error.filename} cannot be used: {error.strerror}") from error
    hand_over(given, works=arguments == ["worker"])
    logs.configure(NAME, given.log_level)
    if arguments == ["worker"]:
        _become_worker(given)
    else:
        _serve(given)


def _serve(given: Settings) -> None:
    # Plugins are imported with the app, which only serving and working need.
    from qhana_plugin_runner.util.config import BadSetting  # noqa: PLC0415

    from services.plugins import serving  # noqa: PLC0415

    try:
        serving.serve(given)
    except BadSetting as error:
        raise settings.complain(str(error)) from error


def _become_worker(given: Settings) -> None:
    # Celery's own program takes this process over, as if it had been called by its name.
    os.execv(  # noqa: S606 - our own interpreter, and arguments of ours
        sys.executable,
        [
            sys.executable, "-m", "celery", "--app", "qhana_plugin_runner.celery_worker:CELERY", "worker",
            "--concurrency", str(given.worker_processes), "--loglevel", given.log_level.lower(),
            "--hostname", f"plugins-{os.getpid()}@%h", "--without-gossip", "--without-mingle",
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
