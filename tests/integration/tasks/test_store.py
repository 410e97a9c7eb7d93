"""The store's promises, each on both databases: order, fencing, revisions, settlement, with many at once."""

import asyncio
import datetime as dt

import pytest
from daydream.tasks.v1 import tasks_pb2

from services.tasks import models
from services.tasks.errors import LeaseLost
from services.tasks.states import State
from services.tasks.values import Blame, Failure, Lease
from tests.support.ledger import until
from tests.support.ledger_rows import PARAMETERS, Store, claim, new_image, new_task


async def test_claims_at_once_take_each_task_once_in_queue_order(store: Store) -> None:
    made = [await store.queued(f"user-{number % 3}") for number in range(30)]

    async def dispatcher(name: str, target: str) -> list[tuple[int, str]]:
        taken = []
        leases = store.leases(name)
        while (claimed := await leases.claim(target, model_names=["mini"], slots=100)) is not None:
            taken.append((claimed[1].place, claimed[0].task_id))
        return taken

    shares = await asyncio.gather(*(dispatcher(f"replica-{n}", f"gpu-{n % 2 + 1}") for n in range(6)))

    assert sorted(task_id for share in shares for _, task_id in share) == sorted(made)
    assert all(share == sorted(share) for share in shares)
    assert await store.waiting() == 0


async def test_claims_never_pass_a_workers_slots_whoever_claims(store: Store) -> None:
    for _ in range(10):
        await store.queued()

    claimed = await asyncio.gather(
        *(store.leases(f"replica-{n}").claim("gpu-1", model_names=["mini"], slots=3) for n in range(8))
    )

    assert sum(each is not None for each in claimed) == 3
    assert await store.leases().claim("gpu-never-seen", model_names=["mini"], slots=3) is None


async def test_a_worker_gets_the_first_task_that_it_can_draw(store: Store) -> None:
    other = PARAMETERS.__class__(**{**vars(PARAMETERS), "model": "large"})
    await store.queued(parameters=other)
    fitting = await store.queued()

    lease = await claim(store)

    assert lease.task_id == fitting


async def test_only_the_current_attempt_may_write(store: Store) -> None:
    await store.queued()
    stale = await claim(store)
    leases = store.leases()
    await leases.give_back(stale, lost=True)
    current = await claim(store)
    foreign = Lease(task_id=current.task_id, owner="replica-2", attempt=current.attempt)

    for lease in (stale, foreign):
        for write in (
            leases.beat(lease, step=9, steps_total=9),
            leases.admitted(lease, seed=5),
            leases.deliver(lease, new_image(0)),
            leases.end(lease, State.SUCCEEDED),
            leases.give_back(lease, lost=False),
        ):
            with pytest.raises(LeaseLost):
                await write

    task = await store.tasks.get("ada", current.task_id)
    assert task is not None
    assert (task.state, task.attempt, task.step, task.images) == (State.RUNNING, 2, 0, ())


async def test_a_task_given_back_is_the_next_to_be_claimed_and_keeps_its_images_and_seed(store: Store) -> None:
    first = await store.queued()
    await store.queued()
    lease = await claim(store)
    leases = store.leases()
    await leases.admitted(lease, seed=7)
    await leases.deliver(lease, new_image(0))

    returned = await leases.give_back(lease, lost=False)
    claimed = await leases.claim("gpu-1", model_names=["mini"], slots=1)

    assert claimed is not None
    assert returned.state is State.QUEUED
    assert claimed[1].task_id == first
    assert (claimed[1].lost, claimed[1].attempt, claimed[1].parameters.seed) == (0, 2, 7)
    assert len(claimed[1].images) == 1


async def test_the_third_loss_ends_a_task_with_its_images_charged(store: Store) -> None:
    task_id = await store.queued()
    leases = store.leases()
    await leases.deliver(await claim(store), new_image(0))
    await leases.give_back(Lease(task_id=task_id, owner="replica-1", attempt=1), lost=True)
    await leases.give_back(await claim(store), lost=True)

    ended = await leases.give_back(await claim(store), lost=True)

    assert (ended.state, ended.charged, ended.lost) == (State.FAILED, 1, 3)
    assert ended.failure is not None
    assert ended.failure.blame is Blame.WORKER


async def test_an_expired_lease_goes_back_to_the_head_and_a_renewed_one_does_not(store: Store) -> None:
    lost_task, kept_task = await store.queued(), await store.queued()
    short, long = store.leases("dead", seconds=0.05), store.leases("alive", seconds=60)
    await short.claim("gpu-1", model_names=["mini"], slots=2)
    await long.claim("gpu-1", model_names=["mini"], slots=2)

    returned = await until(long.expire_one)

    assert returned is not None
    assert (returned.task_id, returned.state, returned.lost) == (lost_task, State.QUEUED, 1)
    assert await long.expire_one() is None
    kept = await store.tasks.get("ada", kept_task)
    assert kept is not None
    assert kept.state is State.RUNNING


async def test_a_lost_task_whose_images_are_all_there_has_succeeded(store: Store) -> None:
    await store.queued()
    lease = await claim(store)
    await store.leases().deliver(lease, new_image(0))
    await store.leases().deliver(lease, new_image(1))

    ended = await store.leases().give_back(lease, lost=True)

    assert (ended.state, ended.charged) == (State.SUCCEEDED, 2)


async def test_an_image_delivered_twice_is_there_once(store: Store) -> None:
    await store.queued()
    lease, image = await claim(store), new_image(0)

    delivered = await store.leases().deliver(lease, image)
    again = await store.leases().deliver(lease, image)

    assert again == delivered
    assert len(again.images) == 1


async def test_tasks_that_wait_for_a_model_can_be_failed_with_their_tokens_returned(store: Store) -> None:
    running = await store.queued()
    await claim(store)
    waiting = await store.queued()
    failure = Failure(blame=Blame.WORKER, reason="MODEL_GONE", message="It is gone.")

    models_waited_for = await store.leases().waiting_models()
    failed = await store.leases().fail_one("mini", failure)
    none_left = await store.leases().fail_one("mini", failure)

    assert models_waited_for == {"mini"}
    assert failed is not None
    assert none_left is None
    assert (failed.task_id, failed.state, failed.charged) == (waiting, State.FAILED, 0)
    assert await store.waiting() == 0
    (letter,) = await store.outbox.take_settlements(10)
    assert (letter.hold_id, letter.charge) == (waiting, 0)
    still = await store.tasks.get("ada", running)
    assert still is not None
    assert still.state is State.RUNNING


async def test_workers_seen_lately_are_told_from_those_seen_once(store: Store) -> None:
    await store.workers.save("gpu-1", b"one")

    assert sorted(await store.workers.seen_within(dt.timedelta(minutes=1))) == [b"", b"one"]
    assert await store.workers.seen_within(dt.timedelta(0)) == []


async def test_a_success_without_every_image_cannot_be_written(store: Store) -> None:
    await store.queued()
    lease = await claim(store)
    await store.leases().deliver(lease, new_image(0))

    with pytest.raises(ValueError, match="1 of 2 images"):
        await store.leases().end(lease, State.SUCCEEDED)

    assert await store.leases().beat(lease, step=0, steps_total=0) is False


async def test_an_end_is_written_with_its_event_and_its_settlement_and_never_again(store: Store) -> None:
    await store.queued()
    lease = await claim(store)
    await store.leases().deliver(lease, new_image(0))
    failure = Failure(blame=Blame.OURS, reason="GENERATION_FAILED", message="It broke.")

    ended = await store.leases().end(lease, State.FAILED, failure)

    with pytest.raises(LeaseLost):
        await store.leases().end(lease, State.CANCELLED)
    assert await store.tasks.cancel("ada", lease.task_id) == ended
    (letter,) = await store.outbox.take_settlements(10)
    (event,) = await store.outbox.take_events(10)
    told = tasks_pb2.TaskEnded.FromString(event.payload)
    assert (letter.hold_id, letter.charge) == (lease.task_id, 1)
    assert (told.event_id, told.user_id, told.task.charged) == (event.event_id, "ada", 1)
    assert told.task.error.message == "It broke."
    assert told.task.revision == ended.revision


async def test_what_one_relay_has_taken_another_does_not_get_until_it_is_due_again(store: Store) -> None:
    task_id = await store.queued()
    await store.tasks.cancel("ada", task_id)

    first = await store.outbox.take_settlements(10)
    second = await store.outbox.take_settlements(10)
    await store.outbox.postpone_settlement(task_id, seconds=0)
    third = await store.outbox.take_settlements(10)
    settled = await store.outbox.settled(task_id)

    assert [len(first), len(second), len(third)] == [1, 0, 1]
    assert third[0].attempts == 2
    assert settled is not None
    assert settled.settled is not None
    assert not await store.outbox.take_settlements(10)


async def test_revisions_of_one_owner_rise_by_one_with_every_change_at_once(store: Store) -> None:
    tasks = [await store.queued() for _ in range(12)]

    changed = await asyncio.gather(*(store.tasks.cancel("ada", task_id) for task_id in tasks))

    assert sorted(task.revision for task in changed if task is not None) == list(range(13, 25))
    changes = await store.tasks.changes("ada", session_id="", after=14, limit=4)
    assert [task.revision for task in changes.tasks] == [15, 16, 17, 18]
    assert (changes.revision, changes.more) == (18, True)


async def test_cancel_and_claim_at_once_leave_one_of_them_true(store: Store) -> None:
    for _ in range(10):
        task_id = await store.queued()

        cancelled, claimed = await asyncio.gather(
            store.tasks.cancel("ada", task_id), store.leases().claim("gpu-1", model_names=["mini"], slots=1)
        )

        assert cancelled is not None
        task = await store.tasks.get("ada", task_id)
        assert task is not None
        if claimed is None:
            assert task.state is State.CANCELLED
        else:
            assert task.cancel_requested or task.state is State.CANCELLED
            await store.leases().end(claimed[0], State.CANCELLED)
    assert await store.waiting() == 0


async def test_the_queues_count_is_right_after_everything_that_can_happen(store: Store) -> None:
    for _ in range(6):
        await store.queued()
    pending = await store.tasks.admit(new_task(), limit=100)
    assert pending is not None
    running = await claim(store, slots=3)
    await store.leases().give_back(await claim(store, slots=3), lost=True)
    await claim(store, slots=3)
    await store.leases().end(running, State.CANCELLED)
    waiting = next(task for task in await store.tasks.in_line() if task.state is State.QUEUED)
    await store.tasks.cancel("ada", waiting.task_id)
    await store.tasks.undo(pending.task_id)

    counted = await store.count(models.Task, models.Task.state.in_((State.PENDING, State.QUEUED)))

    assert counted == await store.waiting()
    assert counted == 3


async def test_files_that_rows_speak_of_are_known(store: Store) -> None:
    await store.queued()
    image = new_image(0)
    await store.leases().deliver(await claim(store), image)

    known = await store.tasks.known_files([image.path, "aa/other/0-1.png"])

    assert known == {image.path}


async def test_an_image_is_found_by_its_owner_alone(store: Store) -> None:
    await store.queued()
    image = new_image(0)
    await store.leases().deliver(await claim(store), image)

    found = await store.tasks.image("ada", image.image_id)

    assert found is not None
    assert (found.path, found.seed, found.created) == (image.path, image.seed, image.created)
    assert await store.tasks.image("bob", image.image_id) is None


async def test_workers_are_remembered_the_latest_first(store: Store) -> None:
    await store.workers.save("gpu-1", b"one")
    await store.workers.save("gpu-2", b"two")
    await store.workers.save("gpu-1", b"three")

    remembered = await store.workers.load()

    assert list(remembered.items()) == [("gpu-1", b"three"), ("gpu-2", b"two")]
