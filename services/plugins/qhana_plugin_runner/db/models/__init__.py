"""What the host keeps in its database, a module a subject; importing this maps every table."""

from qhana_plugin_runner.db.models import messages, owners, tasks, virtual_plugins

__all__ = ["messages", "owners", "tasks", "virtual_plugins"]
