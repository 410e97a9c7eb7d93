"""Who may call what. A method that is not named here is refused to everybody."""

from collections.abc import Mapping
from typing import Final

from services.foundation.identity import PUBLIC, Access, Scope, people, services

# A person never calls auth with what they typed: the gateway does, in its own name. The plugin host is none: it never
# sees a password, a session's secret or an API key.
_GATEWAY: Final = services("web")
_PLUGIN_HOST: Final = services("plugins")
_READ: Final = people(Scope.READ)
# A key that was made to draw must not change whose account it is, nor make keys that outlive it.
_CHANGE: Final = people(Scope.GENERATE, session=True)
# Read is enough: the browser gets in where its session says who it is.
_BROWSER: Final = people(Scope.READ, session=True)
_STAFF: Final = people(Scope.ADMIN, staff=True)
_ANY_SERVICE: Final = services("*")
_LEDGER: Final = services("tasks")

_AUTH: Final = {
    "GetSignUpMode": _ANY_SERVICE,
    "SignUp": _GATEWAY,
    "SignIn": _GATEWAY,
    "SignOut": _GATEWAY,
    "ResolveSession": _GATEWAY,
    "ResolveApiKey": _GATEWAY,
    "ListSessions": _READ,
    "EndSession": _CHANGE,
    "CreateApiKey": _CHANGE,
    "ListApiKeys": _READ,
    "RevokeApiKey": _CHANGE,
    "IssueServiceToken": PUBLIC,
    "ListSigningKeys": PUBLIC,
}
_USERS: Final = {
    "GetUser": _READ,
    "ListUsers": _STAFF,
    "UpdateUser": _CHANGE,
    "ChangePassword": _CHANGE,
}
_PURSE: Final = {
    "GetBalance": _READ,
    "ListEntries": _READ,
    "GetSpending": _READ,
    "HoldTokens": _LEDGER,
    "SettleHold": _LEDGER,
    "GrantTokens": _STAFF,
}
_CODES: Final = {
    "IssueCode": _STAFF,
    "ListCodes": _STAFF,
    "WithdrawCode": _STAFF,
    "RedeemCode": _CHANGE,
}
_ACCOUNTS: Final = {
    "CreateResetLink": _STAFF,
    "ResetPassword": _GATEWAY,
    "SuspendUser": _STAFF,
    "RestoreUser": _STAFF,
    "DeleteUser": _CHANGE,
}

_GRANTS: Final = {
    "IssueSignInCode": _BROWSER,
    "RedeemSignInCode": _PLUGIN_HOST,
    "ResolveSignIn": _PLUGIN_HOST,
    "IssuePluginToken": people(Scope.GENERATE),
    "CreateDelegation": _PLUGIN_HOST,
    "IssueDelegatedToken": _PLUGIN_HOST,
    "EndDelegation": _PLUGIN_HOST,
}
_AUDIT: Final = {"ListDeeds": _STAFF}

ACCESS: Final[Mapping[str, Access]] = {
    f"/daydream.auth.v1.{service}/{method}": access
    for service, methods in (
        ("AuthService", _AUTH),
        ("UserService", _USERS),
        ("PurseService", _PURSE),
        ("CodeService", _CODES),
        ("AccountService", _ACCOUNTS),
        ("GrantService", _GRANTS),
        ("AuditService", _AUDIT),
    )
    for method, access in methods.items()
}
