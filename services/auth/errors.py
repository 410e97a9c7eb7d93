"""What auth refuses, and why.

InvalidInput ── RequestIdReused (foundation)
NotAuthenticated
├── WrongCredentials      unknown email or wrong password, told alike
├── SessionEnded          signed out, expired, unknown, or the account is suspended
└── UnknownApiKey         revoked, unknown, or the account is suspended
NotAllowed
├── SignUpClosed
└── AccountSuspended
NotFound
├── UserNotFound          missing, or somebody else's
├── SessionNotFound
└── ApiKeyNotFound
AlreadyExists ── EmailTaken
NotPossibleNow
├── NotEnoughTokens       metadata: price, balance
└── HoldSettled           the hold was released before it arrived
TooMuch ── TooManySignIns
"""

from services.foundation import errors


class WrongCredentials(errors.NotAuthenticated):
    """The email or the password is wrong."""

    reason = "WRONG_CREDENTIALS"


class SessionEnded(errors.NotAuthenticated):
    """The session has ended; sign in again."""

    reason = "SESSION_ENDED"


class UnknownApiKey(errors.NotAuthenticated):
    """The API key is not valid."""

    reason = "UNKNOWN_API_KEY"


class SignUpClosed(errors.NotAllowed):
    """New accounts are not open here; ask the people who run this studio."""

    reason = "SIGN_UP_CLOSED"


class AccountSuspended(errors.NotAllowed):
    """The account is suspended; ask the people who run this studio."""

    reason = "ACCOUNT_SUSPENDED"


class UserNotFound(errors.NotFound):
    """There is no such user."""

    reason = "USER_NOT_FOUND"


class SessionNotFound(errors.NotFound):
    """There is no such session."""

    reason = "SESSION_NOT_FOUND"


class ApiKeyNotFound(errors.NotFound):
    """There is no such API key."""

    reason = "API_KEY_NOT_FOUND"


class EmailTaken(errors.AlreadyExists):
    """There is an account with this email already."""

    reason = "EMAIL_TAKEN"


class NotEnoughTokens(errors.NotPossibleNow):
    """There are not enough tokens."""

    reason = "NOT_ENOUGH_TOKENS"

    def __init__(self, *, price: int, balance: int) -> None:
        """`price` is what was asked for and `balance` what there is, in whole tokens."""
        super().__init__(
            f"This takes {price} tokens and the balance is {balance}.",
            metadata={"price": str(price), "balance": str(balance)},
        )


class HoldSettled(errors.NotPossibleNow):
    """This hold was released before it arrived."""

    reason = "HOLD_SETTLED"


class TooManySignIns(errors.TooMuch):
    """Too many people are signing in at this moment; try again in a few seconds."""

    reason = "TOO_MANY_SIGN_INS"
