"""Rows to values."""

from services.tasks import models, values
from services.tasks.asking import ingredients
from services.tasks.asking.ingredients import Adapter, StartImage
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
        published=row.entry is not None,
        hidden=row.entry is not None and row.entry.ruling is not None and row.entry.ruling.hidden,
    )


def from_image(image: values.Image) -> models.Image:
    """The row of an image that nobody has published yet."""
    return models.Image(
        index=image.index,
        path=image.path,
        uuid=image.image_id,
        seed=image.seed,
        width=image.width,
        height=image.height,
        bytes=image.bytes,
        sha256=image.sha256,
        date=image.created,
        entry=None,
    )


def delivered(row: models.Task) -> int:
    """How many of a task's images were delivered, those included that its owner has deleted since."""
    return len(row.images) + row.deleted.bit_count()


def to_parameters(row: models.Task) -> ingredients.Parameters:
    """What a task's row says is to be drawn."""
    return ingredients.Parameters(
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
        start_image=_to_start(row),
        mask_upload_id=row.mask_upload or "",
        strength=row.strength,
        variation_seed=row.variation_seed,
        variation_strength=row.variation_strength,
        guidance_rescale=row.guidance_rescale,
        clip_skip=row.clip_skip,
        adapters=tuple(Adapter(name=name, weight=weight) for name, weight in row.adapters),
    )


def _to_start(row: models.Task) -> StartImage | None:
    if row.start_upload is None and row.start_image is None:
        return None
    return StartImage(upload_id=row.start_upload or "", image_id=row.start_image or "")


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
        worker=row.worker or "",
        attempt=row.attempt,
        lost=row.lost,
        cancel_requested=row.cancel_requested,
        step=row.step,
        steps_total=row.steps_total,
        images=tuple(to_image(image) for image in row.images),
        deleted=frozenset(index for index in range(row.deleted.bit_length()) if row.deleted >> index & 1),
        failure=failure,
        created=row.date,
        started=row.started,
        finished=row.finished,
        duration_ms=row.timer,
        settled=row.settled,
        imported_from=row.imported_from or "",
        reference=row.reference or "",
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
        start_upload=None if parameters.start_image is None else parameters.start_image.upload_id or None,
        start_image=None if parameters.start_image is None else parameters.start_image.image_id or None,
        mask_upload=parameters.mask_upload_id or None,
        strength=parameters.strength,
        variation_seed=parameters.variation_seed,
        variation_strength=parameters.variation_strength,
        guidance_rescale=parameters.guidance_rescale,
        clip_skip=parameters.clip_skip,
        adapters=[(each.name, each.weight) for each in parameters.adapters],
        price=task.price,
        from_studio=task.from_studio,
        imported_from=task.imported_from or None,
        reference=task.reference or None,
        state=State.PENDING,
        images=[],
    )
