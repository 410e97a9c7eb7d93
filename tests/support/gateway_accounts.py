"""auth as the gateway needs it, in memory: accounts, sessions, keys, a purse."""

import itertools
import time
from dataclasses import dataclass, field
from typing import Any, Final

from daydream.auth.v1 import accounts_pb2, accounts_pb2_grpc, auth_pb2, auth_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp

from services.auth.errors import AccountSuspended
from services.foundation import errors, identity
from tests.support import identity as signing
from tests.support.gateway_account_pages import FakeOwnAccount, of_direction
from tests.support.gateway_codes import FakeCodes
from tests.support.gateway_people import FakePeople, paged

SERVICE_SECRET: Final = "web-secret-for-tests"
PASSWORD: Final = "a calm sea at dawn"


def now() -> Timestamp:
    """The time as protos have it."""
    stamp = Timestamp()
    stamp.GetCurrentTime()
    return stamp


class WrongCredentials(errors.NotAuthenticated):
    """The email or the password is wrong."""

    reason = "WRONG_CREDENTIALS"


class SessionEnded(errors.NotAuthenticated):
    """The session is over."""

    reason = "SESSION_ENDED"


class UnknownKey(errors.NotAuthenticated):
    """There is no such API key."""

    reason = "UNKNOWN_API_KEY"


class EmailTaken(errors.AlreadyExists):
    """There is an account with this address already."""

    reason = "EMAIL_TAKEN"


@dataclass(kw_only=True)
class Person:
    """An account."""

    user_id: str
    email: str
    password: str
    tokens: int = 100
    staff: bool = False
    active: bool = True
    username: str = ""
    first_name: str = ""
    last_name: str = ""
    mobile: str = ""
    held: int = 0
    created_time: Timestamp = field(default_factory=now)
    last_seen_time: Timestamp | None = None
    latest_session_id: str = ""
    entries: list[auth_pb2.Entry] = field(default_factory=list)

    def proto(self) -> auth_pb2.User:
        """As auth tells of it."""
        role = auth_pb2.ROLE_STAFF if self.staff else auth_pb2.ROLE_USER
        return auth_pb2.User(
            user_id=self.user_id,
            email=self.email,
            username=self.username,
            first_name=self.first_name,
            last_name=self.last_name,
            mobile=self.mobile,
            role=role,
            active=self.active,
            tokens=self.tokens,
            created_time=self.created_time,
            last_seen_time=self.last_seen_time,
            latest_session_id=self.latest_session_id,
        )


class CodeNotValid(errors.NotFound):
    """This code is not valid."""

    reason = "CODE_NOT_VALID"


class ResetLinkNotValid(errors.NotFound):
    """This link is not valid."""

    reason = "RESET_LINK_NOT_VALID"


class FakeAuth(
    FakePeople,
    FakeCodes,
    FakeOwnAccount,
    auth_pb2_grpc.AuthServiceServicer,
    auth_pb2_grpc.PurseServiceServicer,
    accounts_pb2_grpc.AccountServiceServicer,
):
    """Accounts, sessions, keys."""

    def __init__(self) -> None:
        """One person with an API key."""
        super().__init__()
        self.people: dict[str, Person] = {}
        self.sessions: dict[str, tuple[str, str]] = {}
        self.keys: dict[str, str] = {}
        self.calls: list[str] = []
        self.refuse_services = False
        self.disbelieve = 0
        self.sign_in_refusal: errors.DaydreamError | None = None
        self.sign_up_mode = auth_pb2.SIGN_UP_MODE_OPEN
        self.invitations: set[str] = set()
        self.reset_links: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self.ada = self.add("ada@example.org")
        self.add("bob@example.org")
        self.keys["dd_ada_key_0123456789"] = "ada@example.org"
        self.keys["dd_bob_key_0123456789"] = "bob@example.org"

    def add(self, email: str, password: str = PASSWORD) -> Person:
        """Make an account."""
        person = Person(user_id=f"user-{next(self._numbers)}", email=email, password=password)
        person.entries.append(
            auth_pb2.Entry(
                entry_id=f"e-{next(self._numbers)}",
                kind=auth_pb2.ENTRY_KIND_SIGN_UP,
                amount=100,
                balance_after=100,
                reason="welcome",
                created_time=now(),
            )
        )
        self.people[email] = person
        return person

    def move(self, person: Person, kind: auth_pb2.EntryKind.ValueType, amount: int, task_id: str) -> None:
        """Change a balance, with its entry."""
        person.tokens += amount
        person.entries.append(
            auth_pb2.Entry(
                entry_id=f"e-{next(self._numbers)}",
                kind=kind,
                amount=amount,
                balance_after=person.tokens,
                task_id=task_id,
                reason="1 picture",
                created_time=now(),
            )
        )

    def open(self, email: str) -> tuple[str, str]:
        """A session's secret and public id."""
        number = next(self._numbers)
        secret, session_id = f"secret-{number}-{email.partition('@')[0]}", f"session-{number}"
        self.sessions[secret] = (email, session_id)
        if email in self.people:
            self.people[email].latest_session_id = session_id
        return secret, session_id

    def end_all(self) -> None:
        """Every session is over."""
        self.sessions.clear()

    def by_id(self, user_id: str) -> Person:
        """The account with this id."""
        return next(each for each in self.people.values() if each.user_id == user_id)

    def _opened(self, person: Person) -> auth_pb2.OpenedSession:
        secret, session_id = self.open(person.email)
        expires = Timestamp()
        expires.FromSeconds(int(time.time()) + 3600)
        return auth_pb2.OpenedSession(
            session=auth_pb2.Session(session_id=session_id, created_time=now(), expire_time=expires),
            session_secret=secret,
            user=person.proto(),
            identity_token=self._identity(person, session_id),
        )

    def _identity(self, person: Person, session_id: str) -> auth_pb2.IdentityToken:
        role = "staff" if person.staff else "user"
        scopes = ("admin", "generate", "read") if person.staff and session_id else ("generate", "read")
        token = signing.mint(person.user_id, role=role, scopes=scopes, session_id=session_id)
        return auth_pb2.IdentityToken(token=token)

    async def IssueServiceToken(self, request: Any, _call: Any) -> auth_pb2.IssueServiceTokenResponse:
        """For the right secret."""
        self.calls.append("IssueServiceToken")
        if self.refuse_services or request.secret != SERVICE_SECRET:
            raise WrongCredentials
        expires = Timestamp()
        expires.FromSeconds(int(time.time()) + 300)
        token = auth_pb2.IdentityToken(token=signing.mint_service(request.service), expire_time=expires)
        return auth_pb2.IssueServiceTokenResponse(identity_token=token)

    async def GetSignUpMode(self, _request: Any, _call: Any) -> auth_pb2.GetSignUpModeResponse:
        """As the test set it."""
        return auth_pb2.GetSignUpModeResponse(mode=self.sign_up_mode, sign_up_tokens=100)

    async def ResetPassword(self, request: Any, _call: Any) -> accounts_pb2.ResetPasswordResponse:
        """A link is good once and ends every session."""
        email = self.reset_links.pop(request.secret, None)
        if email is None:
            raise ResetLinkNotValid
        self.people[email].password = request.new_password
        ended = [secret for secret, (owner, _) in self.sessions.items() if owner == email]
        for secret in ended:
            del self.sessions[secret]
        return accounts_pb2.ResetPasswordResponse(ended_sessions=len(ended))

    async def SignUp(self, request: Any, _call: Any) -> auth_pb2.SignUpResponse:
        """A new account, once an address, and for an invitation where one is needed."""
        self.calls.append("SignUp")
        email = request.email.lower()
        if self.sign_up_mode == auth_pb2.SIGN_UP_MODE_CODE and request.code not in self.invitations:
            raise CodeNotValid
        if email in self.people:
            raise EmailTaken
        if email.startswith("bad"):
            raise errors.InvalidInput.of(errors.FieldViolation(field="email", description="This address is refused."))
        return auth_pb2.SignUpResponse(opened=self._opened(self.add(email, request.password)))

    async def SignIn(self, request: Any, _call: Any) -> auth_pb2.SignInResponse:
        """The same words for a wrong address and a wrong password."""
        self.calls.append("SignIn")
        if self.sign_in_refusal is not None:
            raise self.sign_in_refusal
        person = self.people.get(request.email.lower())
        if person is None or person.password != request.password:
            raise WrongCredentials
        if not person.active:
            raise AccountSuspended
        return auth_pb2.SignInResponse(opened=self._opened(person))

    async def SignOut(self, request: Any, _call: Any) -> auth_pb2.SignOutResponse:
        """Twice is no error."""
        self.sessions.pop(request.session_secret, None)
        return auth_pb2.SignOutResponse()

    async def ResolveSession(self, request: Any, _call: Any) -> auth_pb2.ResolveSessionResponse:
        """Whose it is."""
        if self.disbelieve:
            self.disbelieve -= 1
            raise errors.NotAuthenticated("The identity token cannot be believed.", reason="INVALID_IDENTITY_TOKEN")
        found = self.sessions.get(request.session_secret)
        if found is None:
            raise SessionEnded
        person = self.people[found[0]]
        return auth_pb2.ResolveSessionResponse(
            session=auth_pb2.Session(session_id=found[1]),
            user=person.proto(),
            identity_token=self._identity(person, found[1]),
        )

    async def ListSessions(self, request: Any, _call: Any) -> auth_pb2.ListSessionsResponse:
        """The caller's, newest first, paged."""
        person = self.by_id(identity.caller().subject)
        mine = [session_id for owner, session_id in self.sessions.values() if owner == person.email][::-1]
        begin = int(request.page_token or 0)
        page = mine[begin : begin + request.page_size]
        more = str(begin + request.page_size) if begin + request.page_size < len(mine) else ""
        browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        found = [
            auth_pb2.Session(
                session_id=each, user_agent=browser, created_time=now(), last_seen_time=now(), expire_time=now()
            )
            for each in page
        ]
        return auth_pb2.ListSessionsResponse(sessions=found, next_page_token=more)

    async def EndSession(self, request: Any, _call: Any) -> auth_pb2.EndSessionResponse:
        """One of the caller's."""
        person = self.by_id(identity.caller().subject)
        for secret, found in list(self.sessions.items()):
            if found == (person.email, request.session_id):
                del self.sessions[secret]
                return auth_pb2.EndSessionResponse()
        raise errors.NotFound("There is no such session.", reason="SESSION_NOT_FOUND")

    async def ResolveApiKey(self, request: Any, _call: Any) -> auth_pb2.ResolveApiKeyResponse:
        """Whose it is."""
        email = self.keys.get(request.api_key)
        if email is None:
            raise UnknownKey
        person = self.people[email]
        return auth_pb2.ResolveApiKeyResponse(user=person.proto(), identity_token=self._identity(person, ""))

    async def GetBalance(self, request: Any, _call: Any) -> auth_pb2.GetBalanceResponse:
        """The caller's, or anybody's for staff."""
        person = self._whose(request.user_id)
        return auth_pb2.GetBalanceResponse(tokens=person.tokens, held=person.held)

    async def ListEntries(self, request: Any, _call: Any) -> auth_pb2.ListEntriesResponse:
        """The caller's, or anybody's for staff; newest first, paged."""
        self.break_off()
        entries = of_direction(self._whose(request.user_id).entries[::-1], request.direction)
        page, more = paged(entries, request)
        return auth_pb2.ListEntriesResponse(entries=page, next_page_token=more)
