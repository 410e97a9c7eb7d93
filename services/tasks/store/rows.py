"""Rows to values."""

from services.tasks import models, values
from services.tasks.states import State


def to_image(row: models.Image) -> values.Image:
    """An image row as a value."""
    return values.Image(
        image_id=row.uuid,
        index=row.index,
        path=row.path,
        seed=row.seed,
        width=row.width,
        height=row.height,
        bytes=row.bytes,
        sha256=row.sha256,
        created=row.date,
    )


def to_parameters(row: models.Task) -> values.Parameters:
    """What a task's row says is to be drawn."""
    return values.Parameters(
        prompt=row.prompt,
        negative_prompt=row.negative_prompt,
        model=row.model,
        sampler=row.sampler,
        steps=row.steps,
        guidance=row.guide,
        width=row.imgw,
        height=row.imgh,
        seed=row.seed,
        samples=row.samples,
    )


def to_task(row: models.Task) -> values.Task:
    """A task row, its images loaded, as a value."""
    failure = None
    if row.blame is not None:
        failure = values.Failure(
            blame=values.Blame(row.blame), reason=row.error_reason or "", message=row.error_message or ""
        )
    return values.Task(
        task_id=row.uuid,
        user_id=row.user_id,
        session_id=row.sessionid,
        digest=row.digest,
        revision=row.revision,
        state=State(row.state),
        parameters=to_parameters(row),
        price=row.price,
        charged=row.charged,
        place=row.place,
        attempt=row.attempt,
        lost=row.lost,
        cancel_requested=row.cancel_requested,
        step=row.step,
        steps_total=row.steps_total,
        images=tuple(to_image(image) for image in row.images),
        failure=failure,
        created=row.date,
        started=row.started,
        finished=row.finished,
        duration_ms=row.timer,
        settled=row.settled,
    )


def from_new(task: values.NewTask) -> models.Task:
    """The row of a submission; who inserts it adds its place and date."""
    parameters = task.parameters
    return models.Task(
        uuid=task.task_id,
        user_id=task.user_id,
        sessionid=task.session_id,
        request_id=task.request_id,
        digest=task.digest,
        prompt=parameters.prompt,
        negative_prompt=parameters.negative_prompt,
        model=parameters.model,
        sampler=parameters.sampler,
        steps=parameters.steps,
        guide=parameters.guidance,
        imgw=parameters.width,
        imgh=parameters.height,
        seed=parameters.seed,
        samples=parameters.samples,
        price=task.price,
        state=State.PENDING,
        images=[],
    )
