"""Calls of GrantService as browsers, programs and the plugin host make them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from daydream.auth.v1 import grants_pb2

from services.foundation.identity import Caller, Verifier
from tests.support.auth import Person, RunningAuth, running_auth


@asynccontextmanager
async def another(auth_url: str, folder: Path) -> AsyncIterator[RunningAuth]:
    """Another replica on the same database, with the same signing key."""
    async with running_auth(auth_url, folder) as replica:
        yield replica


async def code_of(auth: RunningAuth, person: Person) -> str:
    """A code as the person's browser gets it."""
    issued = await auth.grants.IssueSignInCode(grants_pb2.IssueSignInCodeRequest(), metadata=person.metadata)
    return issued.code


def redeem(auth: RunningAuth, code: str) -> Any:
    """Exchange a code as the plugin host does."""
    return auth.grants.RedeemSignInCode(grants_pb2.RedeemSignInCodeRequest(code=code), metadata=auth.plugins)


async def signed_in(auth: RunningAuth, person: Person) -> grants_pb2.RedeemSignInCodeResponse:
    """A sign-in of the person's."""
    answer: grants_pb2.RedeemSignInCodeResponse = await redeem(auth, await code_of(auth, person))
    return answer


def resolve(auth: RunningAuth, secret: str) -> Any:
    """Exchange a sign-in as the plugin host does."""
    return auth.grants.ResolveSignIn(grants_pb2.ResolveSignInRequest(sign_in_secret=secret), metadata=auth.plugins)


def plugin_token(auth: RunningAuth, metadata: Any) -> Any:
    """A token as a program gets it."""
    return auth.grants.IssuePluginToken(grants_pb2.IssuePluginTokenRequest(), metadata=metadata)


def delegate(auth: RunningAuth, subject_token: str, reference: str = "task-1") -> Any:
    """Make a delegation as the plugin host does."""
    request = grants_pb2.CreateDelegationRequest(subject_token=subject_token, reference=reference)
    return auth.grants.CreateDelegation(request, metadata=auth.plugins)


def lend(auth: RunningAuth, delegation_id: str) -> Any:
    """Get a delegation's token as the plugin host does."""
    request = grants_pb2.IssueDelegatedTokenRequest(delegation_id=delegation_id)
    return auth.grants.IssueDelegatedToken(request, metadata=auth.plugins)


def end(auth: RunningAuth, delegation_id: str) -> Any:
    """End a delegation as the plugin host does."""
    return auth.grants.EndDelegation(
        grants_pb2.EndDelegationRequest(delegation_id=delegation_id), metadata=auth.plugins
    )


async def read_as(auth: RunningAuth, audience: str, token: str) -> Caller:
    """Who calls, as the service of this name reads a token."""
    return await Verifier(audience=audience, fetch_keys=auth.parts.signer.fetch_keys).verify(token)
