"""Who may call what. A method that is not here is refused to everyone."""

from collections.abc import Mapping
from typing import Final

from services.foundation.identity import Access, Scope, people

SERVICE: Final = "daydream.tasks.v1.TaskService"
GALLERY: Final = "daydream.tasks.v1.GalleryService"
ADMIN: Final = "daydream.tasks.v1.AdminService"

_GENERATE: Final = people(Scope.GENERATE)
_READ: Final = people(Scope.READ)
_STAFF: Final = people(Scope.ADMIN, staff=True)
# Visitors who have not signed in look through the gateway, which then asks in its own name.
_ANYBODY: Final = people(Scope.READ, also=frozenset({"web"}))

ACCESS: Final[Mapping[str, Access]] = {
    f"/{SERVICE}/SubmitTask": _GENERATE,
    f"/{SERVICE}/CancelTask": _GENERATE,
    f"/{SERVICE}/UploadImage": _GENERATE,
    f"/{SERVICE}/DeleteImage": _GENERATE,
    f"/{SERVICE}/SetLeaving": _GENERATE,
    f"/{SERVICE}/GetLeaving": _READ,
    f"/{SERVICE}/GetTask": _READ,
    f"/{SERVICE}/ListTasks": _READ,
    f"/{SERVICE}/WatchTask": _READ,
    f"/{SERVICE}/WatchSession": _READ,
    f"/{SERVICE}/DownloadImage": _READ,
    f"/{SERVICE}/DownloadUpload": _READ,
    f"/{SERVICE}/DownloadArchive": _READ,
    f"/{GALLERY}/PublishImage": _GENERATE,
    f"/{GALLERY}/UnpublishImage": _GENERATE,
    f"/{GALLERY}/ListGallery": _ANYBODY,
    f"/{GALLERY}/GetGalleryImage": _ANYBODY,
    f"/{GALLERY}/DownloadGalleryImage": _ANYBODY,
    f"/{GALLERY}/HideImage": _STAFF,
    f"/{GALLERY}/RestoreImage": _STAFF,
    f"/{ADMIN}/ListAllTasks": _STAFF,
    f"/{ADMIN}/CancelAnyTask": _STAFF,
    f"/{ADMIN}/ListWorkers": _STAFF,
    f"/{ADMIN}/WatchMachine": _STAFF,
    f"/{ADMIN}/CountImages": _STAFF,
    f"/{ADMIN}/ListDeeds": _STAFF,
    # What the workers can do belongs to nobody; pages show it before anyone has signed in.
    f"/{SERVICE}/GetCapabilities": people(Scope.READ, also=frozenset({"web", "plugins"})),
}
