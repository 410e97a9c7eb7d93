"""`daydream`: what the command line offers. Pictures' names on standard output, everything else on standard error."""

import math
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from cli import access, files
from cli.api import ENDED, Api, Task
from cli.errors import Failure, WrongUse

_INTERRUPTED = 130
_PICTURE = click.Path(exists=True, dir_okay=False, path_type=Path)


class Size(click.ParamType[tuple[int, int]]):
    """`256x256`."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Two whole numbers with an x between."""
        width, cross, height = str(value).lower().replace("×", "x").partition("x")
        if not (cross and width.isdecimal() and height.isdecimal()):
            self.fail(f"{value!r} is no size; write it like 256x256.", param, ctx)
        return int(width), int(height)


class Text(click.ParamType[str]):
    """Words that can be sent: the shell passes on bytes that are no text at all."""

    name = "TEXT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Anything that can be written as UTF-8."""
        try:
            str(value).encode()
        except UnicodeEncodeError:
            self.fail("it is not UTF-8.", param, ctx)
        return str(value)


class Number(click.ParamType[float]):
    """A number that JSON knows: neither nan nor inf."""

    name = "FLOAT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A finite number."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.fail(f"{value!r} is no number.", param, ctx)
        return number


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="daydream")
def cli() -> None:
    """Draw pictures on a Daydream server.

    The server and key come from DAYDREAM_URL and DAYDREAM_API_KEY, or from first-run.json in DAYDREAM_DATA_DIR (var).

    Exit codes: 0 done, 1 refused or failed, 2 wrong use, 3 no server answers, 4 key missing or not accepted,
    130 interrupted, with the pictures drawn so far written.
    """


@cli.command()
@click.argument("prompt", type=Text())
@click.option("--out", type=click.Path(path_type=Path), help="File to write; several samples become FILE-1.png, …")
@click.option("--steps", type=int, help="Denoising steps.")
@click.option("--guidance", type=Number(), help="How strictly the prompt is followed.")
@click.option("--size", type=Size(), help="Width and height in pixels, like 256x256.")
@click.option("--seed", type=int, help="Same seed and settings, same picture; -1 draws one.")
@click.option("--samples", type=int, help="Pictures to make, 1 to 10.")
@click.option("--negative", type=Text(), help="What to keep out.")
@click.option("--model", type=Text(), help="A model's name.")
@click.option("--sampler", type=Text(), help="A sampler's name.")
@click.option("--start-image", type=_PICTURE, help="A PNG, JPEG or WebP file to begin from.")
@click.option("--mask", type=_PICTURE, help="A file of its shape: white where it is drawn anew.")
@click.option("--strength", type=Number(), help="How much of it is drawn anew, above 0 to 1.")
def generate(
    *,
    prompt: str,
    out: Path | None,
    size: tuple[int, int] | None,
    negative: str | None,
    start_image: Path | None,
    mask: Path | None,
    **more: Any,
) -> None:
    """Draw PROMPT and write the picture."""
    files.check(out)
    parameters = {"prompt": prompt, **{name: value for name, value in more.items() if value is not None}}
    if size is not None:
        parameters["width"], parameters["height"] = size
    if negative is not None:
        parameters["negative_prompt"] = negative
    with Api(access.find()) as api:
        for name, path in (("start_image", start_image), ("mask", mask)):
            if path is not None:
                parameters[name] = {"upload_id": api.upload(files.read(path))}
        task = api.submit(parameters, key=str(uuid.uuid4()))
        try:
            task = _watch(api, task)
        except KeyboardInterrupt:
            _stop(api, task, out)
            raise SystemExit(_INTERRUPTED) from None
        _save(api, task, out)
        if task["state"] != "SUCCEEDED":
            error = task.get("error") or {"message": "The task was cancelled."}
            raise Failure(error["message"])


def _watch(api: Api, task: Task) -> Task:
    """Draw the progress bar until the task ends."""
    click.echo(f"{task['parameters']['prompt']} · {_tokens(task['price'])} held", err=True)
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


def _stop(api: Api, task: Task, out: Path | None) -> None:
    """Cancel, and keep what was drawn and paid for. A second Ctrl-C leaves at once."""
    click.echo("\nStopping; what is drawn is kept.", err=True)
    task = api.stop(task["id"])
    _save(api, task, out)
    written = f"{len(task['images'])} of {task['parameters']['samples']} written"
    if task["state"] in ENDED:
        click.echo(f"{written}, {_tokens(task['price'] - task['charged'])} returned.", err=True)
    else:
        click.echo(f"{written}; the rest is still being stopped, `daydream tasks` shows what it cost.", err=True)


def _tokens(count: int) -> str:
    return "1 token" if count == 1 else f"{count} tokens"


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
        headed = False
        while cursor is not None and limit > 0:
            page, cursor = api.tasks(min(limit, 100), cursor)
            limit -= len(page)
            for task in page:
                if not headed:
                    click.echo(_row("ID".ljust(len(task["id"])), "ASKED (UTC)", "STATE", "DONE", "TOKENS", "PROMPT"))
                    headed = True
                prompt = " ".join(task["parameters"]["prompt"].split())
                # What is under way holds its price; what has ended cost what was charged, be it nothing.
                tokens = task["charged"] if task["state"] in ENDED else task["price"]
                done = f"{len(task['images'])}/{task['parameters']['samples']}"
                asked = task["created_at"][:19].replace("T", " ")
                shown = prompt if len(prompt) <= 60 else prompt[:59] + "…"
                click.echo(_row(task["id"], asked, task["state"], done, str(tokens), shown))


@cli.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("daydream.zip"), show_default=True, help="File.")
@click.option("--force", is_flag=True, help="Replace the file if it is there already.")
def archive(out: Path, *, force: bool) -> None:
    """Write all your pictures into one ZIP file."""
    files.check(out)
    if out.exists() and not force:
        raise WrongUse(f"{out} is there already; name another file, or replace it with --force.")
    with Api(access.find()) as api, api.archive() as found:
        count = "1 picture" if found.images == 1 else f"{found.images} pictures"
        with click.progressbar(length=found.size, label=count, file=sys.stderr) as bar:
            files.write(out, _counted(found.pieces, bar))
    click.echo(out)


def _counted(pieces: Iterator[bytes], bar: Any) -> Iterator[bytes]:
    for piece in pieces:
        # The archive is a little larger than what it holds.
        bar.update(min(len(piece), bar.length - bar.pos))
        yield piece


def _row(*cells: str) -> str:
    task_id, asked, state, done, tokens, prompt = cells
    return f"{task_id}  {asked:<19}  {state:<9}  {done:>5}  {tokens:>6}  {prompt}"


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
