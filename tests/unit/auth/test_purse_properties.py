"""Whatever happens to a purse, the ledger adds up."""

import contextlib
import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.auth.errors import HoldSettled, NotEnoughTokens
from services.auth.purse import Purse
from services.auth.storage import Storage
from services.auth.values import User
from services.foundation import errors
from services.foundation.database import utc_now
from services.foundation.identity import Caller, Role, Scope

RUNS = itertools.count()
TASKS = st.sampled_from(["task-1", "task-2", "task-3"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("hold"), TASKS, st.integers(-1, 12)),
        st.tuples(st.just("settle"), TASKS, st.integers(-1, 12)),
        st.tuples(st.just("grant"), st.sampled_from(["grant-1", "grant-2", "grant-3"]), st.integers(-12, 12)),
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_a_balance_is_the_sum_of_its_entries_and_never_below_zero(
    purse: Purse, storage: Storage, steps: list[tuple[str, str, int]]
) -> None:
    # Ids of this example's own, for all examples share one database.
    run = next(RUNS)
    person = f"person-{run}"
    staff = Caller(subject=person, role=Role.STAFF, scopes=frozenset(Scope))
    async with storage.write() as work:
        await work.users.add(User(user_id=person, email=person, tokens=0, created_time=utc_now()), "")
    await purse.grant(staff, request_id="start", user_id=person, amount=20, reason="to begin with")

    for what, name, amount in steps:
        # Some of these must be refused; what matters is what the purse holds afterwards.
        with contextlib.suppress(NotEnoughTokens, HoldSettled, errors.InvalidInput):
            if what == "hold":
                await purse.hold(hold_id=f"{run}-{name}", user_id=person, tokens=amount, reason="")
            elif what == "settle":
                await purse.settle(hold_id=f"{run}-{name}", user_id=person, charge=amount, reason="")
            else:
                await purse.grant(staff, request_id=name, user_id=person, amount=amount, reason="a gift")

        balance = await purse.balance(staff, person)
        entries = (await purse.entries(staff, person, page_size=100, page_token="")).items
        assert balance.tokens == sum(entry.amount for entry in entries) >= 0
        assert balance.tokens == entries[0].balance_after
        assert balance.held >= 0
        assert all(entry.balance_after >= 0 for entry in entries)
        assert len({(entry.kind, entry.task_id) for entry in entries if entry.task_id}) == sum(
            bool(entry.task_id) for entry in entries
        )
