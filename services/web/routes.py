"""The routes beside Flask: files, streams, and what else takes longer than a page may hold one of its threads."""

import functools

import flask
from starlette.routing import BaseRoute, Mount, Route

from services.web import assets, forms, site
from services.web.backends.everything import Backends
from services.web.streams import (
    archives,
    files,
    health,
    images,
    imports,
    linked,
    machine,
    sse,
    statements,
    studio,
    task,
    uploads,
)
from services.web.streams import gallery as gallery_files


def beside(pages: flask.Flask, backends: Backends, hub: sse.Hub, timing: sse.Timing) -> list[BaseRoute]:
    """All of them. `pages` checks the tokens of forms, and writes the parts of pages that a stream tells."""
    accounts, tasks = backends.accounts, backends.tasks
    by_session, by_key = files.by_session(accounts), files.by_key(accounts)
    return [
        Route("/healthz", health.alive),
        Route("/readyz", health.Ready(accounts, tasks).answer),
        Route("/events", studio.StudioEvents(accounts, tasks, hub, timing).answer),
        Route("/admin/events", _machine(pages, backends, hub, timing).answer),
        Route("/api/v1/tasks/{task_id}/events", task.TaskEvents(accounts, tasks, hub, timing).answer),
        Route("/images/{image_id}", images.ImageFiles(tasks, by_session).answer),
        Route("/api/v1/images/{image_id}", images.ImageFiles(tasks, by_key).answer),
        Route("/gallery/{gallery_id}", gallery_files.GalleryFiles(backends.gallery, accounts).answer),
        Route("/account/tokens.csv", statements.Statement(backends.purse, by_session).answer),
        *_archives(pages, backends, by_session, by_key),
        *_uploads(pages, backends, by_session, by_key),
        *_of_plugins(pages, backends, by_session),
        Mount(assets.root(), assets.Kept(directory=assets.OURS)),
        Mount(f"/bootstrap{assets.root()}", assets.Kept(directory=assets.BOOTSTRAP)),
    ]


def _machine(pages: flask.Flask, backends: Backends, hub: sse.Hub, timing: sse.Timing) -> machine.MachineEvents:
    render = functools.partial(site.part, pages)
    return machine.MachineEvents(backends.accounts, backends.machine, backends.names, hub, timing, render=render)


def _archives(
    pages: flask.Flask, backends: Backends, by_session: files.Resolve, by_key: files.Resolve
) -> list[BaseRoute]:
    packed, seats = backends.archives, archives.Seats()
    chosen = archives.ChosenFiles(packed, seats, by_session, functools.partial(forms.posted, pages))
    return [
        Route("/account/archive.zip", archives.ArchiveFiles(packed, seats, by_session).answer),
        Route("/studio/archive", chosen.answer, methods=["POST"]),
        Route("/api/v1/archive", archives.ArchiveFiles(packed, seats, by_key).answer),
    ]


def _of_plugins(pages: flask.Flask, backends: Backends, by_session: files.Resolve) -> list[BaseRoute]:
    if backends.plugins is None:
        return []
    by_script = files.of_our_pages(by_session, functools.partial(forms.check_script, pages))
    return [
        Route(imports.PATH, imports.Import(backends.imports, by_script).answer, methods=["POST"]),
        Route(f"{linked.PATH}{{secret}}", linked.LinkedFiles(backends.links).answer),
    ]


def _uploads(
    pages: flask.Flask, backends: Backends, by_session: files.Resolve, by_key: files.Resolve
) -> list[BaseRoute]:
    brought = backends.uploads
    by_script = files.of_our_pages(by_session, functools.partial(forms.check_script, pages))
    of_pages = uploads.Bring(brought, by_script, path=uploads.PAGE_PATH)
    return [
        Route(uploads.PATH, uploads.Bring(brought, by_key).answer, methods=["POST"]),
        Route(f"{uploads.PATH}/{{upload_id}}", uploads.UploadFiles(brought, by_key).answer),
        Route(uploads.PAGE_PATH, of_pages.answer, methods=["POST"]),
        Route(f"{uploads.PAGE_PATH}/{{upload_id}}", uploads.UploadFiles(brought, by_session).answer),
    ]
