"""`daydream generate` from pictures."""

from pathlib import Path

from cli.errors import Failure
from tests.support.gateway_uploads import END
from tests.unit.cli.conftest import Server

BEGIN = b"\x89PNG of a house" + END
MASK = b"\x89PNG of a hole" + END


def test_pictures_are_brought_and_named_in_the_task(server: Server, tmp_path: Path) -> None:
    (tmp_path / "house.png").write_bytes(BEGIN)
    (tmp_path / "hole.png").write_bytes(MASK)

    ended = server.run(
        "generate",
        "a house",
        "--start-image",
        "house.png",
        "--mask",
        "hole.png",
        "--strength",
        "0.55",
        "--out",
        "x.png",
    )

    assert ended.exit_code == 0, ended.output
    brought = {upload_id: data for upload_id, (_, _, data) in server.backends.tasks.uploads.items()}
    asked = server.backends.tasks.tasks["task-1"].parameters
    assert (brought[asked.start_image.upload_id], brought[asked.mask_upload_id]) == (BEGIN, MASK)
    assert round(asked.strength, 6) == 0.55


def test_a_file_that_is_no_picture_is_told_and_nothing_is_asked_for(server: Server, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("no picture")

    ended = server.run("generate", "a house", "--start-image", "words.txt")

    assert isinstance(ended.exception, Failure)
    assert str(ended.exception) == "The picture cannot be read; its file is damaged."
    assert not server.backends.tasks.tasks


def test_a_file_that_is_not_there_is_wrong_use(server: Server) -> None:
    ended = server.run("generate", "a house", "--start-image", "nothing.png")

    assert ended.exit_code == 2
    assert "nothing.png" in ended.output
    assert not server.backends.tasks.uploads
