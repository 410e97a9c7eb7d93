"""`daydream generate` and `daydream tasks` against a real gateway."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from cli import access
from cli.api import Api
from cli.errors import Failure, NotAuthenticated, Unreachable, WrongUse
from services.foundation import errors
from tests.unit.cli.conftest import Server

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-c", "from cli.main import main; main()"]


def test_a_picture_is_written_where_it_was_asked_for(server: Server, tmp_path: Path) -> None:
    ended = server.run("generate", "a red circle on a blue background", "--out", "red.png")

    assert ended.exit_code == 0, ended.output
    assert ended.stdout == "red.png\n"
    assert (tmp_path / "red.png").read_bytes() == server.backends.tasks.files["task-1-image-0"]
    assert [each.name for each in tmp_path.iterdir()] == ["red.png"]


def test_progress_goes_to_standard_error(server: Server) -> None:
    ended = server.run("generate", "a red circle", "--out", "red.png")

    assert "1 token held" in ended.stderr
    assert "succeeded" in ended.stderr


def test_settings_reach_the_task(server: Server) -> None:
    server.run(
        "generate", "a red circle", "--steps", "5", "--guidance", "3.5", "--size", "128x64", "--seed", "9",
        "--negative", "clouds", "--model", "daydream-mini", "--sampler", "Euler a", "--out", "x.png",
    )  # fmt: skip

    asked = server.backends.tasks.tasks["task-1"].parameters
    assert (asked.steps, asked.guidance, asked.width, asked.height, asked.seed) == (5, 3.5, 128, 64, 9)
    assert (asked.negative_prompt, asked.sampler) == ("clouds", "Euler a")


def test_several_samples_are_numbered(server: Server, tmp_path: Path) -> None:
    ended = server.run("generate", "a red circle", "--samples", "3", "--out", "red.png")

    assert ended.stdout.splitlines() == ["red-1.png", "red-2.png", "red-3.png"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["red-1.png", "red-2.png", "red-3.png"]


def test_a_picture_without_a_name_takes_its_seed_and_replaces_nothing(server: Server, tmp_path: Path) -> None:
    (tmp_path / "daydream-500.png").write_text("an older one")

    ended = server.run("generate", "a red circle")

    assert ended.stdout == "daydream-500-2.png\n"
    assert (tmp_path / "daydream-500.png").read_text() == "an older one"


def test_a_file_that_was_named_is_replaced(server: Server, tmp_path: Path) -> None:
    (tmp_path / "red.png").write_text("an older one")

    server.run("generate", "a red circle", "--out", "red.png")

    assert (tmp_path / "red.png").read_bytes().startswith(b"\x89PNG")


def test_a_failed_task_says_why_and_leaves_no_file(server: Server, tmp_path: Path) -> None:
    ended = server.run("generate", "fail please", "--out", "red.png")

    assert isinstance(ended.exception, Failure)
    assert str(ended.exception) == "The worker stopped."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["", "--out", "x.png"], "Prompt must be 1 to 512 characters."),
        (["a", "--steps", "900"], "Steps must be 1 to 50."),
        (["a", "--samples", "10", "--steps", "50", "--size", "512x512"], "This costs 30 tokens and you have 20."),
    ],
)
def test_a_refusal_is_told_in_the_servers_words(server: Server, arguments: list[str], sentence: str) -> None:
    server.backends.auth.ada.tokens = 20

    ended = server.run("generate", *arguments)

    assert isinstance(ended.exception, Failure)
    assert str(ended.exception) == sentence
    assert ended.exception.exit_code == 1


@pytest.mark.parametrize("out", ["nowhere/red.png", "."])
def test_a_place_that_takes_no_file_is_refused_before_anything_is_spent(server: Server, out: str) -> None:
    ended = server.run("generate", "a red circle", "--out", out)

    assert isinstance(ended.exception, WrongUse)
    assert not server.backends.tasks.tasks


def test_a_size_that_is_none_is_wrong_use(server: Server) -> None:
    ended = server.run("generate", "a red circle", "--size", "large")

    assert ended.exit_code == 2
    assert "write it like 256x256" in ended.stderr


def test_a_key_that_is_not_accepted_has_its_own_code(server: Server) -> None:
    ended = server.run("tasks", DAYDREAM_API_KEY="dd_wrong_key_00000000")

    assert isinstance(ended.exception, NotAuthenticated)


def test_no_server_has_its_own_code(server: Server) -> None:
    ended = server.run("tasks", DAYDREAM_URL="http://127.0.0.1:9")

    assert isinstance(ended.exception, Unreachable)


def test_a_part_that_is_away_is_asked_again_under_the_same_key(server: Server) -> None:
    server.backends.tasks.refusal = errors.Unavailable("No worker has started yet.", reason="NO_WORKER")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        server.backends.tasks.refusal = None

    with Api(access.Access(url=server.url, api_key="dd_ada_key_0123456789"), pause=pause) as api:
        task = api.submit({"prompt": "a red circle"}, key="once")

    assert task["state"] == "QUEUED"
    assert len(pauses) == 1
    assert list(server.backends.tasks.requests) == [("user-1", "once")]


def test_tasks_are_listed_newest_first(server: Server) -> None:
    server.run("generate", "first", "--out", "x.png")
    server.run("generate", "second", "--out", "x.png")

    head, *lines = server.run("tasks").stdout.splitlines()

    assert head.split() == ["ID", "ASKED", "(UTC)", "STATE", "DONE", "TOKENS", "PROMPT"]
    assert [line.split()[-1] for line in lines] == ["second", "first"]
    assert "SUCCEEDED" in lines[0]


def test_a_task_that_ended_without_a_picture_is_listed_with_what_it_cost(server: Server) -> None:
    server.run("generate", "fail please", "--samples", "3", "--out", "x.png")

    _, line = server.run("tasks").stdout.splitlines()

    assert line.split()[3:] == ["FAILED", "0/3", "0", "fail", "please"]


def test_an_interrupt_keeps_what_was_drawn_and_says_what_came_back(server: Server, tmp_path: Path) -> None:
    ledger = server.backends.tasks
    ledger.slow_to_stop = True
    # A test run in a shell's background hands on a SIGINT that is ignored; a terminal does not.
    at_a_terminal = "import signal; from cli.main import main; signal.signal(2, signal.default_int_handler); main()"
    running = subprocess.Popen(
        [sys.executable, "-c", at_a_terminal, "generate", "wait for it", "--samples", "10", "--out", "red.png"],
        cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT), "DAYDREAM_URL": server.url, "DAYDREAM_API_KEY": "dd_ada_key_0123456789"},
    )  # fmt: skip
    assert running.stderr is not None
    until_said(running.stderr, "held")
    server.do(ledger.start("task-1"))
    for _ in range(3):
        server.do(ledger.deliver("task-1"))

    running.send_signal(signal.SIGINT)
    until_said(running.stderr, "Stopping")
    # The worker was in the middle of one more when it was told to stop.
    server.do(ledger.deliver("task-1"))
    server.do(ledger.cancelled("task-1"))
    said, complaints = running.communicate(timeout=90)

    assert running.returncode == 130, complaints
    assert said.splitlines() == ["red-1.png", "red-2.png", "red-3.png", "red-4.png"]
    assert all((tmp_path / name).read_bytes() for name in said.splitlines())
    assert complaints.splitlines()[-1] == "4 of 10 written, 6 tokens returned."


def until_said(stream: IO[str], words: str) -> None:
    """Read lines until one holds the words."""
    assert any(words in line for line in iter(stream.readline, "")), words


def test_what_make_run_left_behind_is_enough(server: Server, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    left = {"url": server.url, "email": "a", "password": "b", "api_key": "dd_ada_key_0123456789"}
    (tmp_path / "var" / "first-run.json").write_text(json.dumps(left))

    ended = server.run("generate", "a red circle", "--out", "red.png", DAYDREAM_URL=None, DAYDREAM_API_KEY=None)

    assert ended.exit_code == 0, ended.output


def test_the_key_left_behind_is_shown_to_no_other_server(tmp_path: Path) -> None:
    (tmp_path / "first-run.json").write_text('{"url": "http://127.0.0.1:8000", "api_key": "dd_secret_00000000"}')

    with pytest.raises(NotAuthenticated):
        access.find({"DAYDREAM_URL": "http://other.example", "DAYDREAM_DATA_DIR": str(tmp_path)})


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["generate"], 2), (["frobnicate"], 2), (["tasks"], 4), (["--help"], 0), (["generate", "a", "--out", "/no/x"], 2)],
)
def test_exit_codes_reach_the_shell_without_a_traceback(tmp_path: Path, arguments: list[str], code: int) -> None:
    ended = subprocess.run(
        [*COMMAND, *arguments],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "sentence"),
    [
        (["generate", "a", "--guidance", "nan"], {}, 2, "'nan' is no number."),
        (["generate", "a", "--guidance", "1e999"], {}, 2, "'1e999' is no number."),
        (["generate", b"\xff\xfe"], {}, 2, "it is not UTF-8."),
        (["generate", "a", "--negative", b"\xff"], {}, 2, "it is not UTF-8."),
        (["tasks"], {"DAYDREAM_API_KEY": "dd_schlüssel"}, 4, "DAYDREAM_API_KEY is no API key"),
        (["tasks"], {"DAYDREAM_API_KEY": "dd_two\nlines"}, 4, "DAYDREAM_API_KEY is no API key"),
        (["tasks"], {"DAYDREAM_URL": "http://127.0.0.1:eighty"}, 2, "is no address of a server"),
    ],
)
def test_what_cannot_be_sent_is_a_sentence_and_an_exit_code(
    tmp_path: Path, arguments: list[str | bytes], environment: dict[str, str], code: int, sentence: str
) -> None:
    given = {"DAYDREAM_URL": "http://127.0.0.1:9", "DAYDREAM_API_KEY": "dd_ada_key_0123456789", **environment}

    ended = subprocess.run(
        [*COMMAND, *arguments],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **given}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip

    assert ended.returncode == code, ended.stderr
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
