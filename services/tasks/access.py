"""Who may call what. A method that is not here is refused to everyone."""

from collections.abc import Mapping
from typing import Final

from services.foundation.identity import Access, Scope, people, services

SERVICE: Final = "daydream.tasks.v1.TaskService"
GALLERY: Final = "daydream.tasks.v1.GalleryService"
ADMIN: Final = "daydream.tasks.v1.AdminService"

_GENERATE: Final = people(Scope.GENERATE)
_READ: Final = people(Scope.READ)
# What a service needs that draws in a person's name; it is shown nothing but what it submitted.
_LENT_GENERATE: Final = people(Scope.GENERATE, delegated=True)
_LENT_READ: Final = people(Scope.READ, delegated=True)
_STAFF: Final = people(Scope.ADMIN, staff=True)
# Visitors who have not signed in look through the gateway, which then asks in its own name.
_ANYBODY: Final = people(Scope.READ, also=frozenset({"web"}))

ACCESS: Final[Mapping[str, Access]] = {
    f"/{SERVICE}/SubmitTask": _LENT_GENERATE,
    f"/{SERVICE}/CancelTask": _LENT_GENERATE,
    f"/{SERVICE}/UploadImage": _LENT_GENERATE,
    f"/{SERVICE}/ImportImage": _GENERATE,
    f"/{SERVICE}/CreateImageLink": _GENERATE,
    # Whoever has the link may be anybody; how many may ask, and from where, is the gateway's to see to.
    f"/{SERVICE}/DownloadLinkedImage": services("web"),
    f"/{SERVICE}/DeleteImage": _GENERATE,
    f"/{SERVICE}/SetLeaving": _GENERATE,
    f"/{SERVICE}/GetLeaving": _READ,
    f"/{SERVICE}/GetTask": _LENT_READ,
    f"/{SERVICE}/ListTasks": _READ,
    f"/{SERVICE}/WatchTask": _LENT_READ,
    f"/{SERVICE}/WatchSession": _READ,
    f"/{SERVICE}/DownloadImage": _LENT_READ,
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
    f"/{SERVICE}/GetCapabilities": people(Scope.READ, delegated=True, also=frozenset({"web", "plugins"})),
}
