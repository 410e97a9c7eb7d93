"""Who may call what. A method that is not here is refused to everyone."""

from collections.abc import Mapping
from typing import Final

from services.foundation.identity import Access, Scope, people

SERVICE: Final = "daydream.tasks.v1.TaskService"

_GENERATE: Final = people(Scope.GENERATE)
_READ: Final = people(Scope.READ)

ACCESS: Final[Mapping[str, Access]] = {
    f"/{SERVICE}/SubmitTask": _GENERATE,
    f"/{SERVICE}/CancelTask": _GENERATE,
    f"/{SERVICE}/UploadImage": _GENERATE,
    f"/{SERVICE}/GetTask": _READ,
    f"/{SERVICE}/ListTasks": _READ,
    f"/{SERVICE}/WatchTask": _READ,
    f"/{SERVICE}/WatchSession": _READ,
    f"/{SERVICE}/DownloadImage": _READ,
    f"/{SERVICE}/DownloadArchive": _READ,
    # What the workers can do belongs to nobody; pages show it before anyone has signed in.
    f"/{SERVICE}/GetCapabilities": people(Scope.READ, also=frozenset({"web", "plugins"})),
}
