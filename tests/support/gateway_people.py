"""What staff ask of auth about people, in memory: part of the made-up auth, with auth's own refusals."""

import itertools
from typing import Any

from daydream.auth.v1 import accounts_pb2, accounts_pb2_grpc, audit_pb2, audit_pb2_grpc, auth_pb2, auth_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp

from services.auth.errors import AccountSuspended, EmailTaken, LastStaffAccount, NotEnoughTokens, UserNotFound
from services.foundation import errors, identity


def stamp() -> Timestamp:
    """The time as protos have it."""
    moment = Timestamp()
    moment.GetCurrentTime()
    return moment


class FakePeople(
    auth_pb2_grpc.UserServiceServicer, audit_pb2_grpc.AuditServiceServicer, accounts_pb2_grpc.AccountServiceServicer
):
    """Profiles, standing, grants and the log of the accounts that it is mixed into."""

    def __init__(self) -> None:
        """Nobody of the staff did anything yet."""
        super().__init__()
        self.deeds: list[audit_pb2.Deed] = []
        """The log, oldest first."""
        self.grants: dict[tuple[str, str], tuple[tuple[str, int, str], auth_pb2.Entry]] = {}
        """What each request id of each of the staff brought."""
        self.grant_refusal: errors.DaydreamError | None = None
        """What the next grant's answer is lost to, after it was done."""
        self._deed_numbers = itertools.count(1)

    def _whose(self: Any, user_id: str) -> Any:
        caller = identity.caller()
        wanted = user_id or caller.subject
        found = next((each for each in self.people.values() if each.user_id == wanted), None)
        if found is None or (wanted != caller.subject and not caller.is_staff):
            raise UserNotFound
        return found

    def _only_staff(self: Any) -> str:
        caller = identity.caller()
        if not caller.is_staff:
            raise errors.NotAllowed
        if not self.by_id(caller.subject).active:
            raise AccountSuspended
        return str(caller.subject)

    def note(self, kind: audit_pb2.DeedKind.ValueType, staff_id: str, detail: str = "", **about: str) -> None:
        """Write a deed down."""
        number = next(self._deed_numbers)
        self.deeds.append(
            audit_pb2.Deed(
                deed_id=f"deed-{number}", kind=kind, staff_id=staff_id, detail=detail, created_time=stamp(), **about
            )
        )

    async def GetUser(self: Any, request: Any, _call: Any) -> auth_pb2.GetUserResponse:
        """One's own, or anybody's for staff."""
        return auth_pb2.GetUserResponse(user=self._whose(request.user_id).proto())

    async def ListUsers(self: Any, request: Any, _call: Any) -> auth_pb2.ListUsersResponse:
        """Everybody, newest first, paged."""
        self._only_staff()
        query = request.query.lower()
        found = [
            user
            for user in (each.proto() for each in reversed(self.people.values()))
            if any(query in text.lower() for text in (user.email, user.username, user.first_name, user.user_id))
            and (not request.user_ids or user.user_id in request.user_ids)
        ]
        page, more = paged(found, request)
        return auth_pb2.ListUsersResponse(users=page, next_page_token=more, total_size=len(found))

    async def UpdateUser(self: Any, request: Any, _call: Any) -> auth_pb2.UpdateUserResponse:
        """The fields that are set, all or none."""
        person = self._whose(request.user_id)
        before = person.email
        changes = {
            name: getattr(request, name)
            for name in ("email", "username", "first_name", "last_name", "mobile")
            if request.HasField(name)
        }
        if "@" not in changes.get("email", "@"):
            raise errors.InvalidInput.of(errors.FieldViolation(field="email", description="This is no email address."))
        if changes.get("email", person.email) != person.email and changes["email"] in self.people:
            raise EmailTaken
        for name, value in changes.items():
            setattr(person, name, value)
        self.people = {each.email: each for each in self.people.values()}
        # A session and a key are the person's, whatever their address is now.
        self.sessions = {
            secret: (person.email if owner == before else owner, session_id)
            for secret, (owner, session_id) in self.sessions.items()
        }
        self.keys = {key: person.email if owner == before else owner for key, owner in self.keys.items()}
        if identity.caller().subject != person.user_id:
            self.note(
                audit_pb2.DEED_KIND_USER_CHANGED,
                identity.caller().subject,
                ", ".join(sorted(changes)),
                user_id=person.user_id,
            )
        return auth_pb2.UpdateUserResponse(user=person.proto())

    async def GrantTokens(self: Any, request: Any, _call: Any) -> auth_pb2.GrantTokensResponse:
        """Once for each request id of one of the staff."""
        staff_id, person = self._only_staff(), self._whose(request.user_id)
        content = (request.user_id, request.amount, request.reason)
        known = self.grants.get((staff_id, request.request_id))
        if known is not None:
            if known[0] != content:
                raise errors.RequestIdReused
            return auth_pb2.GrantTokensResponse(entry=known[1])
        if person.tokens + request.amount < 0:
            raise NotEnoughTokens(price=-request.amount, balance=person.tokens)
        self.move(person, auth_pb2.ENTRY_KIND_GRANT, request.amount, "")
        person.entries[-1].reason = request.reason
        self.grants[staff_id, request.request_id] = (content, person.entries[-1])
        detail = f"{request.amount:+} tokens: {request.reason}"
        self.note(audit_pb2.DEED_KIND_TOKENS_GRANTED, staff_id, detail, user_id=person.user_id)
        refusal, self.grant_refusal = self.grant_refusal, None
        if refusal is not None:
            raise refusal
        return auth_pb2.GrantTokensResponse(entry=person.entries[-1])

    async def SuspendUser(self: Any, request: Any, _call: Any) -> accounts_pb2.SuspendUserResponse:
        """Out at once; one of the staff always stays."""
        staff_id, person = self._only_staff(), self._whose(request.user_id)
        self._keep_one_staff_account(person)
        person.active = False
        self._end_sessions_of(person)
        self.note(audit_pb2.DEED_KIND_USER_SUSPENDED, staff_id, user_id=person.user_id)
        return accounts_pb2.SuspendUserResponse(user=person.proto())

    async def RestoreUser(self: Any, request: Any, _call: Any) -> accounts_pb2.RestoreUserResponse:
        """In again."""
        staff_id, person = self._only_staff(), self._whose(request.user_id)
        person.active = True
        self.note(audit_pb2.DEED_KIND_USER_RESTORED, staff_id, user_id=person.user_id)
        return accounts_pb2.RestoreUserResponse(user=person.proto())

    async def CreateResetLink(self: Any, request: Any, _call: Any) -> accounts_pb2.CreateResetLinkResponse:
        """In place of an earlier one; for a day."""
        staff_id, person = self._only_staff(), self._whose(request.user_id)
        self.reset_links = {secret: email for secret, email in self.reset_links.items() if email != person.email}
        secret, ends = f"reset-{next(self._deed_numbers)}", stamp()
        ends.FromSeconds(ends.seconds + 86_400)
        self.reset_links[secret] = person.email
        self.note(audit_pb2.DEED_KIND_RESET_LINK_CREATED, staff_id, user_id=person.user_id)
        return accounts_pb2.CreateResetLinkResponse(secret=secret, expire_time=ends)

    async def DeleteUser(self: Any, request: Any, _call: Any) -> accounts_pb2.DeleteUserResponse:
        """For good: one's own for the password; one of the staff always stays."""
        person = self._whose(request.user_id)
        own = person.user_id == identity.caller().subject
        if own and request.password != person.password:
            raise errors.NotAuthenticated("The password is wrong.", reason="WRONG_CREDENTIALS")
        self._keep_one_staff_account(person)
        self._end_sessions_of(person)
        del self.people[person.email]
        if not own:
            self.note(audit_pb2.DEED_KIND_USER_DELETED, identity.caller().subject, user_id=person.user_id)
        return accounts_pb2.DeleteUserResponse()

    async def ListDeeds(self: Any, request: Any, _call: Any) -> audit_pb2.ListDeedsResponse:
        """Newest first, paged."""
        self._only_staff()
        found = [
            deed
            for deed in reversed(self.deeds)
            if request.user_id in {"", deed.user_id}
            and request.staff_id in {"", deed.staff_id}
            and (not request.kinds or deed.kind in request.kinds)
        ]
        page, more = paged(found, request)
        return audit_pb2.ListDeedsResponse(deeds=page, next_page_token=more)

    def _keep_one_staff_account(self: Any, person: Any) -> None:
        if [each for each in self.people.values() if each.staff and each.active] == [person]:
            raise LastStaffAccount

    def _end_sessions_of(self: Any, person: Any) -> None:
        self.sessions = {secret: found for secret, found in self.sessions.items() if found[0] != person.email}


def paged(found: list[Any], request: Any) -> tuple[list[Any], str]:
    """A page of a list, and the token of the next one."""
    if request.page_token and not request.page_token.isdigit():
        wrong = "The page token is not one this list gave out."
        raise errors.InvalidInput.of(errors.FieldViolation(field="page_token", description=wrong))
    begin, size = int(request.page_token or 0), request.page_size or 20
    more = str(begin + size) if begin + size < len(found) else ""
    return found[begin : begin + size], more
