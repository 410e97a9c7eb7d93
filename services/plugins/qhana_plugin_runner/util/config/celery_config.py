"""Celery's configuration as far as it does not depend on where the database is."""

from typing import Any, Final

CELERY_PRODUCTION_CONFIG: Final[dict[str, Any]] = {
    "task_default_queue": "qhana_plugin_runner",
    "broker_connection_retry_on_startup": True,
    "result_extended": True,
    # One message in a child's hands and none behind it: what waits behind a long task is anybody's to take.
    "worker_prefetch_multiplier": 1,
    "result_expires": 24 * 3600,
    # Seconds until a child that is gone counts as lost; its last words are read by then.
    "worker_lost_wait": 2.0,
    "worker_hijack_root_logger": False,
}

CELERY_DEBUG_CONFIG: Final[dict[str, Any]] = {**CELERY_PRODUCTION_CONFIG}
