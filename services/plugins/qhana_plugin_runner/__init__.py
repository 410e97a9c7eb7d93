"""The plugin host: plugins written to the contract in docs/plugins.md are loaded, served and run here."""

import logging
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

APP_NAME: Final = "qhana_plugin_runner"


def create_app(test_config: Mapping[str, Any] | None = None, silent_log: bool = False) -> Flask:
    """The host as a Flask app, with every plugin of `PLUGIN_FOLDERS`.

    `test_config` stands in for files and environment, whose `PLUGIN_FOLDERS` hold where it names none. Raises
    `util.config.BadSetting` for a setting that cannot be.
    """
    # Models, tasks and blueprints know each other; they are imported when there is an app to make.
    from qhana_plugin_runner import celery, db, own_calls, ownership, plugins_cli, served_at, storage, webhooks  # noqa: PLC0415
    from qhana_plugin_runner.api import cross_origin, root_api  # noqa: PLC0415
    from qhana_plugin_runner.registry_client import PLUGIN_REGISTRY_CLIENT  # noqa: PLC0415
    from qhana_plugin_runner.util import config, jinja_helpers, plugin_loading  # noqa: PLC0415

    instance = os.environ.get(f"{config.PREFIX}_INSTANCE_FOLDER")
    app = served_at.Host(
        APP_NAME, instance_relative_config=True, instance_path=str(Path(instance).absolute()) if instance else None
    )
    if silent_log:
        app.logger.setLevel(logging.ERROR)
    config.configure(app, test_config)
    Path(app.instance_path).mkdir(parents=True, exist_ok=True)
    app.secret_key = app.config.get("SECRET_KEY") or _kept_key(Path(app.instance_path) / "secret-key")
    proxies = int(app.config.get("REVERSE_PROXY_COUNT") or 0)
    if proxies:
        trusted = ProxyFix(
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies, x_port=proxies, x_prefix=proxies
        )
        app.wsgi_app = trusted  # type: ignore[method-assign]

    served_at.register(app)
    celery.register_celery(app)
    db.register_db(app)
    api = root_api.register_root_api(app)
    cross_origin.register_cross_origin(app)
    if app.config.get("REQUIRE_LOGIN"):
        ownership.register_ownership(app)
        own_calls.teach_requests()
    jinja_helpers.register_helpers(app)
    webhooks.connect(app)
    plugin_loading.load(app)
    celery.tell_plugins()
    # After the import of the plugins, which may bring stores, and before their blueprints, which may use them.
    storage.register_file_store(app)
    PLUGIN_REGISTRY_CLIENT.init_app(app)
    plugin_loading.mount(app, api)
    plugins_cli.register_plugin_cli_blueprint(app)
    return app


def _kept_key(path: Path) -> str:
    """A key of the host's own that outlives a restart and is the same in all its processes."""
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
        # A link, as it fails where another process was first.
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text(encoding="ascii").strip()
