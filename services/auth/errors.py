"""What auth refuses, and why.

InvalidInput ── RequestIdReused (foundation)
NotAuthenticated
├── WrongCredentials      unknown email or wrong password, told alike
├── SessionEnded          signed out, expired, unknown, or the account is suspended
├── UnknownApiKey         revoked, unknown, or the account is suspended
├── SignInCodeNotValid    unknown, used, expired, or the session is over, told alike
└── DelegationNotValid    ended, expired, unknown, or the account is suspended, told alike
NotAllowed
├── SignUpClosed
├── InvitationNeeded
└── AccountSuspended
NotFound
├── UserNotFound          missing, or somebody else's
├── SessionNotFound
├── ApiKeyNotFound
├── CodeNotFound
├── CodeNotValid          unknown, expired, withdrawn or used up, told alike
└── ResetLinkNotValid     unknown, used, replaced or expired, told alike
AlreadyExists
├── EmailTaken
└── CodeRedeemed          by the same person
NotPossibleNow
├── NotEnoughTokens       metadata: price, balance
├── LastStaffAccount
├── DelegationEnded       so there is no other one for its task
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


class SignInCodeNotValid(errors.NotAuthenticated):
    """This code is not valid: it never was, was used already or has expired; open the page anew."""

    reason = "SIGN_IN_CODE_NOT_VALID"


class DelegationNotValid(errors.NotAuthenticated):
    """This may no longer be done in the person's name."""

    reason = "DELEGATION_ENDED"


class SignUpClosed(errors.NotAllowed):
    """New accounts are not open here; ask the people who run this studio."""

    reason = "SIGN_UP_CLOSED"


class InvitationNeeded(errors.NotAllowed):
    """A new account needs an invitation code here; the people who run this studio give them out."""

    reason = "INVITATION_NEEDED"


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


class CodeNotFound(errors.NotFound):
    """There is no such code."""

    reason = "CODE_NOT_FOUND"


class CodeNotValid(errors.NotFound):
    """This code is not valid: it never was, has expired, was withdrawn or is used up."""

    reason = "CODE_NOT_VALID"


class ResetLinkNotValid(errors.NotFound):
    """This link is not valid: it never was, was used already or has expired; ask for a new one."""

    reason = "RESET_LINK_NOT_VALID"


class EmailTaken(errors.AlreadyExists):
    """There is an account with this email already."""

    reason = "EMAIL_TAKEN"


class CodeRedeemed(errors.AlreadyExists):
    """You have redeemed this code already."""

    reason = "CODE_REDEEMED"


class NotEnoughTokens(errors.NotPossibleNow):
    """There are not enough tokens."""

    reason = "NOT_ENOUGH_TOKENS"

    def __init__(self, *, price: int, balance: int) -> None:
        """`price` is what was asked for and `balance` what there is, in whole tokens."""
        super().__init__(
            f"This takes {price} tokens and the balance is {balance}.",
            metadata={"price": str(price), "balance": str(balance)},
        )


class LastStaffAccount(errors.NotPossibleNow):
    """This is the last staff account; make another one first."""

    reason = "LAST_STAFF_ACCOUNT"


class DelegationEnded(errors.NotPossibleNow):
    """The delegation for this task has ended."""

    reason = "DELEGATION_ENDED"


class HoldSettled(errors.NotPossibleNow):
    """This hold was released before it arrived."""

    reason = "HOLD_SETTLED"


class TooManySignIns(errors.TooMuch):
    """Too many people are signing in at this moment; try again in a few seconds."""

    reason = "TOO_MANY_SIGN_INS"
