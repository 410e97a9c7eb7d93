"""Fetches MathJax from the npm registry into the static folder, for pages with formulas; by a setting only."""

import base64
import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

from flask import Flask
from qhana_plugin_runner import requests

_PREFIX = "package/"


def download_mathjax(app: Flask) -> None:
    """Put the version in `MATHJAX_VERSION` below `<static>/mathjax`, if it is not there.

    Raises ValueError for a package that is not what the registry says, or that reaches out of its folder; nothing is
    unpacked then. Raises RequestException where the registry cannot be reached.
    """
    version = app.config["MATHJAX_VERSION"]
    folder = Path(app.static_folder or "static") / "mathjax"
    note = folder / ".version.json"
    if _noted(note) == version:
        return
    with requests.open_url(app.config["MATHJAX_METADATA_URL"]) as response:
        about: dict[str, Any] = response.json()["dist"]
    with requests.open_url(about["tarball"], stream=True) as response:
        package = response.content
    _check(package, about["integrity"])
    with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:
        files = {
            folder / member.name.removeprefix(_PREFIX): member
            for member in archive.getmembers()
            if member.isfile() and member.name.startswith(_PREFIX)
        }
        # All are looked at before the first is written.
        for path in files:
            _verify_path_traversal(path, folder.resolve())
        _empty(folder)
        for path, member in files.items():
            content = archive.extractfile(member)
            if content is not None and not path.name.startswith("."):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())
    note.write_text(json.dumps({"version": version}), encoding="utf-8")


def _verify_path_traversal(target_path: Path, abs_base_directory: Path) -> None:
    """Raises ValueError for a path outside the folder."""
    if not target_path.resolve().is_relative_to(abs_base_directory):
        raise ValueError(f"{target_path} escapes the base directory {abs_base_directory}")


def _noted(note: Path) -> str | None:
    try:
        return str(json.loads(note.read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _check(package: bytes, integrity: str) -> None:
    algorithm, _, expected = integrity.partition("-")
    if algorithm not in {"sha384", "sha512"}:
        raise ValueError(f"Integrity check failed: {algorithm} is not trusted")
    if base64.b64encode(hashlib.new(algorithm, package).digest()).decode() != expected:
        raise ValueError("Integrity check failed: this is another package than the registry names")


def _empty(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".gitignore":
            path.unlink()
