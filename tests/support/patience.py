"""How long tests wait for what they call: a guard against hanging, and no claim of how quick anything is."""

from typing import Final

CALL_SECONDS: Final = 90.0
"""For a call that says nothing else, to whatever in these tests runs on the same busy machine."""
