"""`daydream archive` against a real gateway."""

import zipfile
from pathlib import Path

from tests.unit.cli.conftest import Server


def names(path: Path) -> list[str]:
    """What a ZIP file that is whole holds."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def draw(server: Server, samples: int = 2) -> None:
    """Pictures of the key's owner; the folder stays empty."""
    assert server.run("generate", "a red circle", "--samples", str(samples), "--out", "x.png").exit_code == 0
    for written in Path.cwd().iterdir():
        written.unlink()


def test_every_picture_is_written_into_one_file(server: Server, tmp_path: Path) -> None:
    draw(server)

    ended = server.run("archive", "--out", "all.zip")

    assert ended.exit_code == 0, ended.output
    assert ended.stdout == "all.zip\n"
    assert "2 pictures" in ended.stderr
    assert names(tmp_path / "all.zip") == ["task-1-image-0.png", "task-1-image-1.png"]
    assert [each.name for each in tmp_path.iterdir()] == ["all.zip"]


def test_a_file_that_is_there_is_replaced_only_by_force(server: Server, tmp_path: Path) -> None:
    draw(server)
    kept = tmp_path / "daydream.zip"
    kept.write_text("an older one")

    refused = server.run("archive")
    text = kept.read_text(encoding="utf-8")
    forced = server.run("archive", "--force")

    assert (refused.exit_code, text) == (1, "an older one")
    assert "is there already" in str(refused.exception)
    assert forced.exit_code == 0
    assert len(names(kept)) == 2


def test_without_pictures_nothing_is_written_and_it_is_said_why(server: Server, tmp_path: Path) -> None:
    ended = server.run("archive")

    assert ended.exit_code == 1
    assert "There are no pictures here to pack yet" in str(ended.exception)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_breaks_off_leaves_the_older_file_alone(server: Server, tmp_path: Path) -> None:
    draw(server)
    kept = tmp_path / "daydream.zip"
    kept.write_text("an older one")
    server.backends.tasks.archive_breaks_after = 1

    ended = server.run("archive", "--force")

    assert ended.exit_code == 1
    assert "cannot be reached" in str(ended.exception)
    assert [each.read_text(encoding="utf-8") for each in tmp_path.iterdir()] == ["an older one"]


def test_a_folder_that_is_not_there_is_told_before_anything_is_asked(server: Server) -> None:
    ended = server.run("archive", "--out", "nowhere/all.zip")

    assert "There is no folder nowhere." in str(ended.exception)
    assert server.backends.tasks.archives == []
