"""Why the command gives up, and the exit code that says so.

Failure                 1  refused, or it failed on the way
├── NotNow              1  a part of the server is away; worth another try
├── WrongUse            2  the command cannot be what was meant
├── Unreachable         3  no server answers
└── NotAuthenticated    4  no key, or one that is not accepted
"""

from typing import ClassVar


class Failure(Exception):
    """It was refused, or it failed on the way."""

    exit_code: ClassVar[int] = 1


class NotNow(Failure):
    """A part of the server is away for the moment."""


class WrongUse(Failure):
    """The command cannot be what was meant."""

    exit_code = 2


class Unreachable(Failure):
    """No server answers."""

    exit_code = 3


class NotAuthenticated(Failure):
    """The API key is missing or not accepted."""

    exit_code = 4
