"""A plugin may have the name of a library that happens to be installed here: both can be had."""

import importlib
from pathlib import Path

import pytest

from tests.support import small_host


def test_a_plugin_with_the_name_of_an_installed_package_stands_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = small_host.write(tmp_path / "site-packages", {"named_t15.py": "VALUE = 'of the library'\n"})
    monkeypatch.syspath_prepend(str(installed))
    inner = {"__init__.py": "from . import inner\n", "inner.py": small_host.plugin("package-t15")}
    folder = small_host.write(tmp_path / "p.15", {"named_t15.py": small_host.plugin("named-t15")})
    packages = small_host.write(tmp_path / "q", {f"named_t15/{name}": text for name, text in inner.items()})

    app = small_host.make(tmp_path, PLUGIN_FOLDERS=[str(folder), str(packages)], PLUGIN_PROBE_SECONDS=150)

    for name in ("named-t15", "package-t15"):
        assert app.test_client().get(f"/plugins/{name}@v1-0-0/").status_code == 200
    assert importlib.import_module("named_t15").VALUE == "of the library"
