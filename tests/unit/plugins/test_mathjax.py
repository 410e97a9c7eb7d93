"""The script that draws formulas is fetched once, and only what the registry vouches for is unpacked."""

import base64
import hashlib
import io
import json
import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, render_template
from qhana_plugin_runner.util.download_mathjax import download_mathjax
from qhana_plugin_runner.util.jinja_helpers import register_helpers

from tests.support.odd_server import OddServer, plain

SCRIPT = "es5/tex-mml-chtml.js"


class Npm(OddServer):
    """A registry with one package."""

    def __init__(self) -> None:
        super().__init__(self._reply)
        self.package = b""
        self.integrity = ""

    def offer(self, **files: bytes) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(f"package/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        self.package = buffer.getvalue()
        self.integrity = "sha512-" + base64.b64encode(hashlib.sha512(self.package).digest()).decode()

    def _reply(self, connection: socket.socket, path: str) -> None:
        about = {"dist": {"integrity": self.integrity, "tarball": f"{self.url}/mathjax.tgz"}}
        connection.sendall(plain(self.package if path.endswith(".tgz") else json.dumps(about).encode()))


@pytest.fixture
def npm() -> Iterator[Npm]:
    with Npm() as running:
        yield running  # type: ignore[misc]


@pytest.fixture
def app(npm: Npm, tmp_path: Path) -> Iterator[Flask]:
    made = Flask("host", static_folder=str(tmp_path))
    made.config.update(MATHJAX_VERSION="3.2.2", MATHJAX_METADATA_URL=npm.url, ALLOWED_URL_ORIGINS=npm.url)
    with made.app_context():
        yield made


def test_the_package_is_unpacked_below_the_static_folder_once(npm: Npm, app: Flask, tmp_path: Path) -> None:
    npm.offer(**{SCRIPT: b"draw()", ".npmrc": b"x"})

    download_mathjax(app)
    download_mathjax(app)

    assert (tmp_path / "mathjax" / SCRIPT).read_bytes() == b"draw()"
    assert not (tmp_path / "mathjax" / ".npmrc").exists()
    assert len(npm.requests) == 2


def test_another_version_takes_the_place_of_the_old_one(npm: Npm, app: Flask, tmp_path: Path) -> None:
    npm.offer(**{SCRIPT: b"new"})
    (tmp_path / "mathjax" / "old").mkdir(parents=True)
    (tmp_path / "mathjax" / ".version.json").write_text('{"version": "2"}')

    download_mathjax(app)

    assert sorted(path.name for path in (tmp_path / "mathjax").iterdir()) == [".version.json", "es5"]


@pytest.mark.parametrize("integrity", ["sha512-AAAA", "md5-AAAA", ""])
def test_a_package_that_nobody_vouches_for_is_not_unpacked(
    npm: Npm, app: Flask, tmp_path: Path, integrity: str
) -> None:
    npm.offer(**{SCRIPT: b"evil()"})
    npm.integrity = integrity

    with pytest.raises(ValueError, match="Integrity check failed"):
        download_mathjax(app)

    assert not (tmp_path / "mathjax" / SCRIPT).exists()


def test_a_package_that_reaches_out_of_its_folder_is_not_unpacked(npm: Npm, app: Flask, tmp_path: Path) -> None:
    npm.offer(**{SCRIPT: b"fine()", "../../escaped.js": b"evil()"})

    with pytest.raises(ValueError, match="escapes the base directory"):
        download_mathjax(app)

    assert not list(tmp_path.rglob("*.js"))


def test_a_page_loads_the_configured_script_when_it_holds_formulas() -> None:
    app = Flask("qhana_plugin_runner")
    register_helpers(app)
    app.config.update(MATHJAX_SCRIPT_LOCATION="/static/mathjax/x.js", MATHJAX_SCRIPT_INTEGRITY_HASH="sha384-abc")

    with app.test_request_context():
        html = render_template("additional_info_template.html", schema={"fields": {}})

    assert 'script.src = "/static/mathjax/x.js";' in html
    assert 'script.integrity = "sha384-abc";' in html
