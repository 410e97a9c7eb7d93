"""Pictures that plugins ask the ledger for, in a person's name: `draw` is what a plugin calls. See docs/plugins.md.

`asking` is the plugin's side, in a request. It writes rows (`models`) with which any process that serves the host can
go on, whatever becomes of the one that wrote them. `follower` takes rows under a lease, `course` brings one to its
end by way of the ledger, `store` writes what is reached on the way, `finishing` stores the results and ends the
processing task in one transaction. `completions` hears from JetStream what a follower may have missed. `start_images`
is the one part that runs in a Celery worker: it fetches what a picture begins from.
"""

from services.plugins.generation.asking import Picture, capabilities, draw, require_painter

# A worker knows the task as soon as it has loaded a plugin that draws.
from services.plugins.generation.start_images import fetch_start_image

__all__ = ["Picture", "capabilities", "draw", "fetch_start_image", "require_painter"]
