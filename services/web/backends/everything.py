"""Every part of the services behind the gateway, and behind which channel it is."""

from dataclasses import dataclass

import grpc

from services.foundation.rpc import client
from services.web.backends.accounts import Accounts
from services.web.backends.archives import Archives
from services.web.backends.codes import Codes
from services.web.backends.counts import Counts
from services.web.backends.gallery import Gallery
from services.web.backends.grants import Grants
from services.web.backends.imports import Imports
from services.web.backends.keys import Keys
from services.web.backends.ledger import Tasks
from services.web.backends.links import Links
from services.web.backends.machine import Machine
from services.web.backends.names import Names
from services.web.backends.people import People
from services.web.backends.plugins import Plugins
from services.web.backends.profiles import Profiles
from services.web.backends.purse import Purse
from services.web.backends.sessions import Sessions
from services.web.backends.uploads import Uploads


@dataclass(frozen=True, kw_only=True)
class Backends:
    """auth, tasks and the plugin host, as the gateway speaks to them."""

    accounts: Accounts
    """auth: who somebody is."""
    profiles: Profiles
    """auth: one's own account."""
    sessions: Sessions
    """auth: where one is signed in."""
    keys: Keys
    """auth: what one's programs come with."""
    purse: Purse
    """auth: what one has and had."""
    people: People
    """auth, for staff: everybody's account."""
    codes: Codes
    """auth, for staff: codes to hand out."""
    names: Names
    """auth, for staff: who an id is."""
    tasks: Tasks
    """tasks: generations."""
    uploads: Uploads
    """tasks: pictures that one brought."""
    archives: Archives
    """tasks: many pictures as one file."""
    gallery: Gallery
    """tasks: what is published."""
    machine: Machine
    """tasks, for staff: queue and workers."""
    counts: Counts
    """tasks, for staff: how many pictures somebody has."""
    grants: Grants
    """auth: what opens the plugin host."""
    links: Links
    """tasks: pictures by links."""
    imports: Imports
    """tasks: pictures that others made."""
    plugins: Plugins | None
    """The plugin host; None where there is none."""


def over(
    auth: grpc.aio.Channel,
    tasks: grpc.aio.Channel,
    ourselves: client.ServiceIdentity,
    *,
    plugins: Plugins | None = None,
) -> Backends:
    """All of them over two channels; `ourselves` is what the gateway says in its own name. Connects to nothing yet."""
    return Backends(
        accounts=Accounts(auth, ourselves),
        profiles=Profiles(auth),
        sessions=Sessions(auth),
        keys=Keys(auth),
        purse=Purse(auth),
        people=People(auth),
        codes=Codes(auth),
        names=Names(auth),
        tasks=Tasks(tasks),
        uploads=Uploads(tasks),
        archives=Archives(tasks),
        gallery=Gallery(tasks, ourselves),
        machine=Machine(tasks),
        counts=Counts(tasks),
        grants=Grants(auth),
        links=Links(tasks, ourselves),
        imports=Imports(tasks),
        plugins=plugins,
    )
