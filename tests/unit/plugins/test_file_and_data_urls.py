"""file: URLs below the allowed folders, and data: URLs, which are their own answer (rows 79 to 95 of the catalogue)."""

from pathlib import Path

import pytest
from qhana_plugin_runner.fetching import (
    Fetcher,
    FileRefusedError,
    MalformedUrlError,
    ResponseTooLargeError,
    UrlRules,
)


def test_files_are_opened_below_the_allowed_folders_only(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a b.csv").write_bytes(b"ID\r\n1\r\n")
    (tmp_path / "outside.txt").write_text("secret")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "outside.txt")
    fetcher = Fetcher(UrlRules.from_config({"FILE_URL_ROOTS": str(tmp_path / "in")}))

    answer = fetcher.request("GET", f"file://localhost{tmp_path}/in/a%20b.csv")

    assert (answer.content, answer.headers["Content-Type"], answer.status_code) == (b"ID\r\n1\r\n", "text/csv", 200)
    for path in (
        "outside.txt",
        "in/../outside.txt",
        "in/%2e%2e/outside.txt",
        "in/link",
        "in",
        "in/",
        "in/none",
        "in%00",
    ):
        with pytest.raises(FileRefusedError):
            fetcher.request("GET", f"file://{tmp_path}/{path}")
    with pytest.raises(FileRefusedError):
        fetcher.request("GET", f"file://evil.example{tmp_path}/in/a%20b.csv")


def test_a_folder_with_a_name_that_begins_alike_is_not_the_allowed_one(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a").write_text("secret")
    fetcher = Fetcher(UrlRules(file_roots=(str(tmp_path / "in"),)))

    with pytest.raises(FileRefusedError):
        fetcher.request("GET", f"file://{tmp_path}/inner/a")


def test_without_allowed_folders_no_file_is_opened() -> None:
    with pytest.raises(FileRefusedError, match="below the allowed folders"):
        Fetcher(UrlRules()).request("GET", "file:///etc/hostname")


@pytest.mark.parametrize(
    ("url", "content", "content_type"),
    [
        ("data:,a%20b", b"a b", "text/plain;charset=US-ASCII"),
        ("data:text/csv;charset=utf-8,ID%0A1", b"ID\n1", "text/csv;charset=utf-8"),
        ("data:application/json;base64,W10=", b"[]", "application/json"),
        ("DATA:;charset=utf-8;base64,w6Q", "ä".encode(), "text/plain;charset=utf-8"),
    ],
)
def test_a_data_url_is_its_own_answer(url: str, content: bytes, content_type: str) -> None:
    answer = Fetcher(UrlRules()).request("GET", url)

    assert (answer.content, answer.headers["Content-Type"]) == (content, content_type)


@pytest.mark.parametrize("url", ["data:nothing", "data:;base64,abcde", "data:text/plain%0d%0aX:1,x"])
def test_a_data_url_that_holds_none_is_refused(url: str) -> None:
    with pytest.raises(MalformedUrlError):
        Fetcher(UrlRules()).request("GET", url)


def test_a_huge_data_url_is_refused() -> None:
    fetcher = Fetcher(UrlRules(max_data_bytes=1_000))

    for url in ("data:," + "x" * 1_001, "data:," + "%41" * 20_000):
        with pytest.raises(ResponseTooLargeError):
            fetcher.request("GET", url)
