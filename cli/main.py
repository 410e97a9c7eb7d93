"""`daydream`: what the command line offers. Pictures' names on standard output, everything else on standard error."""

import sys
import uuid
from pathlib import Path
from typing import Any

import click

from cli import access, files
from cli.api import ENDED, Api, Task
from cli.errors import Failure

_INTERRUPTED = 130


class Size(click.ParamType[tuple[int, int]]):
    """`256x256`."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Two whole numbers with an x between."""
        width, cross, height = str(value).lower().replace("×", "x").partition("x")
        if not (cross and width.isdecimal() and height.isdecimal()):
            self.fail(f"{value!r} is no size; write it like 256x256.", param, ctx)
        return int(width), int(height)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="daydream")
def cli() -> None:
    """Draw pictures on a Daydream server.

    The server and key come from DAYDREAM_URL and DAYDREAM_API_KEY, or from first-run.json in DAYDREAM_DATA_DIR (var).

    Exit codes: 0 done, 1 refused or failed, 2 wrong use, 3 no server answers, 4 key missing or not accepted.
    """


@cli.command()
@click.argument("prompt")
@click.option("--out", type=click.Path(path_type=Path), help="File to write; several samples become FILE-1.png, …")
@click.option("--steps", type=int, help="Denoising steps.")
@click.option("--guidance", type=float, help="How strictly the prompt is followed.")
@click.option("--size", type=Size(), help="Width and height in pixels, like 256x256.")
@click.option("--seed", type=int, help="Same seed and settings, same picture; -1 draws one.")
@click.option("--samples", type=int, help="Pictures to make, 1 to 10.")
@click.option("--negative", help="What to keep out.")
@click.option("--model", help="A model's name.")
@click.option("--sampler", help="A sampler's name.")
def generate(prompt: str, out: Path | None, size: tuple[int, int] | None, negative: str | None, **more: Any) -> None:
    """Draw PROMPT and write the picture."""
    files.check(out)
    parameters = {"prompt": prompt, **{name: value for name, value in more.items() if value is not None}}
    if size is not None:
        parameters["width"], parameters["height"] = size
    if negative is not None:
        parameters["negative_prompt"] = negative
    with Api(access.find()) as api:
        task = api.submit(parameters, key=str(uuid.uuid4()))
        try:
            task = _watch(api, task)
        except KeyboardInterrupt:
            api.cancel(task["id"])
            click.echo("Cancelled; what was not drawn is not charged.", err=True)
            raise SystemExit(_INTERRUPTED) from None
        _save(api, task, out)
        if task["state"] != "SUCCEEDED":
            error = task.get("error") or {"message": "The task was cancelled."}
            raise Failure(error["message"])


def _watch(api: Api, task: Task) -> Task:
    """Draw the progress bar until the task ends."""
    tokens = "1 token" if task["price"] == 1 else f"{task['price']} tokens"
    click.echo(f"{task['parameters']['prompt']} · {tokens} held", err=True)
    with click.progressbar(
        length=100, label="waiting", file=sys.stderr, show_eta=False, item_show_func=lambda words: words
    ) as bar:
        bar.render_progress()
        for changed in api.follow(task["id"]):
            task, progress = changed, changed["progress"]
            bar.label = task["state"].lower().ljust(9)
            bar.update(max(0, progress["percent"] - bar.pos), _words(task))
            # click draws only when the percentage moves; a change of place in line is news too.
            bar.render_progress()
    return task


def _words(task: Task) -> str:
    if task["state"] in ENDED:
        return ""
    if "position" in task:
        return f"place {task['position']} in line"
    left = task.get("estimated_seconds")
    return f"step {task['progress']['step']} of {task['progress']['steps']}" + (f", {left:.0f} s left" if left else "")


def _save(api: Api, task: Task, out: Path | None) -> None:
    images = task["images"]
    for path, image in zip(files.names(out, [each["seed"] for each in images]), images, strict=True):
        files.write(path, api.download(image["url"]))
        click.echo(path)


@cli.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
def tasks(limit: int) -> None:
    """List your tasks, newest first."""
    with Api(access.find()) as api:
        cursor: str | None = ""
        while cursor is not None and limit > 0:
            page, cursor = api.tasks(min(limit, 100), cursor)
            limit -= len(page)
            for task in page:
                prompt = " ".join(task["parameters"]["prompt"].split())
                click.echo(
                    f"{task['id']}  {task['created_at'][:19].replace('T', ' ')}  {task['state']:<9}  "
                    f"{len(task['images'])}/{task['parameters']['samples']}  {task['charged'] or task['price']:>4}  "
                    f"{prompt if len(prompt) <= 60 else prompt[:59] + '…'}"
                )


def main() -> None:
    """Run the command; what goes wrong is one sentence and an exit code."""
    try:
        cli(standalone_mode=False)
    except Failure as failure:
        click.echo(str(failure), err=True)
        raise SystemExit(failure.exit_code) from failure
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from error
    except (click.Abort, KeyboardInterrupt) as error:
        click.echo("Stopped.", err=True)
        raise SystemExit(_INTERRUPTED) from error
