"""How Flask's threads, in which plugins' views run, call the clients of other services, which live on the loop."""

from services.foundation.bridge import Bridge

__all__ = ["Bridge"]
