"""Who may call the worker: every service, no person. People reach it through tasks, which asks whose turn it is.

auth gives the plugin host's process, where others' code runs, no token that is believed here.
"""

from collections.abc import Mapping
from typing import Final

from services.foundation import identity

SERVICE: Final = "daydream.gpu.v1.InferenceService"

ACCESS: Final[Mapping[str, identity.Access]] = {
    f"/{SERVICE}/Generate": identity.services("*"),
    f"/{SERVICE}/GetCapabilities": identity.services("*"),
}
