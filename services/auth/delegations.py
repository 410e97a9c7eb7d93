"""Delegations: a plugin's task may generate in a person's name for as long as it runs, a day at most.

It outlives the token that the plugin host was shown, and the session, as a task does that was submitted by hand. All
that it gives is short-lived tokens, which say who acts and what for, and with which nothing can be done but generate.
"""

import datetime as dt
import re
from collections.abc import Callable
from typing import Final

import shortuuid

from services.auth import fields
from services.auth.errors import DelegationEnded, DelegationNotValid
from services.auth.ownership import check_believed, lock_account
from services.auth.storage import Storage
from services.auth.tokens import PLUGIN_HOST, Signer
from services.auth.values import Delegation, IdentityToken
from services.foundation import errors
from services.foundation.identity import Caller, Scope, Verifier

LIFETIME: Final = dt.timedelta(days=1)
# With a colon and a number behind it, it is still a request id that the ledger takes.
_REFERENCE: Final = re.compile(r"[A-Za-z0-9_-]{1,48}")


class Delegations:
    """Everything about delegations."""

    def __init__(self, storage: Storage, signer: Signer, *, now: Callable[[], dt.datetime]) -> None:
        """`now` is the clock, aware."""
        self._storage, self._signer, self._now = storage, signer, now
        self._verifier = Verifier(audience=PLUGIN_HOST, fetch_keys=signer.fetch_keys)

    async def create(self, *, subject_token: str, reference: str) -> Delegation:
        """The delegation for one task of the person whose token it is; the same one for the same reference.

        Raises InvalidInput, UnknownToken, NotAllowed for a token that may not generate, DelegationEnded, UserNotFound,
        AccountSuspended, SessionEnded, UnknownApiKey.
        """
        with fields.checked() as given:
            if not _REFERENCE.fullmatch(reference):
                given.refuse("reference", "The reference has 1 to 48 letters, digits, - and _.")
        caller = await self._verifier.verify(subject_token)
        if Scope.GENERATE not in caller.scopes:
            raise errors.NotAllowed("This takes a token with the generate scope.")
        now = self._now()
        async with self._storage.write() as work:
            # Two that are asked for at once wait for each other here; the later one finds the first.
            await lock_account(work, caller.subject)
            await work.delegations.remove_expired(caller.subject, now)
            found = await work.delegations.find_by_reference(caller.subject, reference)
            if found is not None:
                if found.end_time is not None:
                    raise DelegationEnded
                return found
            await check_believed(work, caller, now)
            delegation = _draw(caller, reference, now)
            await work.delegations.add(delegation)
        return delegation

    async def issue_token(self, delegation_id: str) -> IdentityToken:
        """A token of a delegation. Raises DelegationNotValid, also while the account is suspended."""
        if not fields.is_id(delegation_id):
            raise DelegationNotValid
        async with self._storage.read() as work:
            found = await work.delegations.find(delegation_id)
        if found is None:
            raise DelegationNotValid
        delegation, user = found
        if delegation.end_time is not None or delegation.expire_time <= self._now() or not user.active:
            raise DelegationNotValid
        return self._signer.for_delegation(delegation)

    async def end(self, delegation_id: str) -> None:
        """End a delegation; one that is over or never was is no error."""
        if fields.is_id(delegation_id):
            async with self._storage.write() as work:
                await work.delegations.end(delegation_id, self._now())


def _draw(caller: Caller, reference: str, now: dt.datetime) -> Delegation:
    return Delegation(
        delegation_id=shortuuid.uuid(),
        user_id=caller.subject,
        session_id=caller.session_id,
        reference=reference,
        created_time=now,
        expire_time=now + LIFETIME,
    )
