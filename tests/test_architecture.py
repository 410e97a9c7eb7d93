"""The repo keeps the shape that docs/architecture.md draws."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
BINARIES = Path(sys.executable).parent


def _makefile_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_make_help_tells_every_target_a_person_would_call() -> None:
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert {"run", "test", "test-fast", "test-all", "protos"} <= set(re.findall(r"make ([a-z-]+)", told))
    assert set(re.findall(r"make ([a-z-]+)", told)) <= _makefile_targets()


@pytest.mark.parametrize("page", ["README.md", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md"))])
def test_links_between_pages_of_the_documentation_lead_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", (ROOT / page).read_text())

    missing = [link for link in links if not (folder / link).exists()]

    assert missing == []


def test_make_targets_named_in_the_documentation_exist() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    named = {name for page in pages for name in re.findall(r"`make ([a-z-]+)", page.read_text())}

    assert named <= _makefile_targets()


def test_every_variable_of_compose_has_an_example_or_a_default() -> None:
    compose = (ROOT / "deploy" / "compose.yaml").read_text()
    example = dict(
        line.split("=", 1)
        for line in (ROOT / "deploy" / "env.example").read_text().splitlines()
        if re.match(r"[A-Z]", line)
    )
    required = set(re.findall(r"\$\{([A-Z_]+):\?", compose))
    # What has no value in compose is handed on as it is, where it is set.
    handed_on = set(re.findall(r"^ +([A-Z0-9_]+):$", compose, re.MULTILINE))
    optional = set(re.findall(r"\$\{([A-Z_]+):-", compose)) | handed_on

    commented = set(re.findall(r"^# ([A-Z0-9_]+)=", (ROOT / "deploy" / "env.example").read_text(), re.MULTILINE))

    assert {name for name, value in example.items() if not value} == required
    assert {name for name, value in example.items() if value} | commented == optional


def test_compose_follows_the_compose_specification() -> None:
    checked = subprocess.run(
        [BINARIES / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert checked.returncode == 0, checked.stdout


def test_every_built_container_has_its_target_and_runs_as_nobody_special() -> None:
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    targets = dict(re.findall(r"^FROM base AS (\w+)\n((?:(?!^FROM).*\n?)*)", dockerfile, re.MULTILINE))

    for name, service in services.items():
        if "build" in service:
            stage = targets[service["build"]["target"]]
            assert "USER daydream" in stage, name
            assert re.search(rf"'\.\[{service['build']['target']}[,\]]", stage), name


def test_protos_are_linted_and_a_bad_one_is_caught(tmp_path: Path) -> None:
    image = tmp_path / "bad.binpb"
    (tmp_path / "bad.proto").write_text('syntax = "proto3";\npackage bad;\nmessage lower { int32 Field = 1; }\n')
    compile_ = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        f"-I{tmp_path}",
        f"--descriptor_set_out={image}",
        "bad.proto",
    ]
    subprocess.run(compile_, check=True, cwd=tmp_path)

    linted = subprocess.run(
        [BINARIES / "buf", "lint", image, "--config", ROOT / "protos" / "buf.yaml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert linted.returncode != 0
    assert "lower" in linted.stdout
