"""Makes `gen/` from the protos, checks that it is fresh, and lints the protos.

`python protos/generate.py` writes the stubs, `--check` fails when the committed ones differ from what the protos give,
`--lint` runs buf. Generated files are committed so that a service installs without a compiler; nobody edits them.
"""

import argparse
import filecmp
import importlib.resources
import subprocess
import sys
import tempfile
from pathlib import Path

import google.rpc
from grpc_tools import protoc

HERE = Path(__file__).resolve().parent
GENERATED = HERE.parent / "gen"
BINARIES = Path(sys.executable).parent


def _compile(*options: str) -> None:
    sources = sorted(str(path.relative_to(HERE)) for path in HERE.rglob("*.proto"))
    # google/rpc comes with googleapis-common-protos, google/protobuf with grpcio-tools.
    common = Path(next(iter(google.rpc.__path__))).parent.parent
    well_known = importlib.resources.files("grpc_tools") / "_proto"
    arguments = ["protoc", f"-I{HERE}", f"-I{common}", f"-I{well_known}", *options, *sources]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc refused the protos; its messages stand above")


def write_stubs(folder: Path) -> None:
    """Write messages, services and their types into `folder`."""
    _compile(
        f"--plugin=protoc-gen-mypy={BINARIES / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={BINARIES / 'protoc-gen-mypy_grpc'}",
        f"--python_out={folder}",
        f"--grpc_python_out={folder}",
        f"--mypy_out=quiet:{folder}",
        f"--mypy_grpc_out=quiet:{folder}",
    )


def check_stubs() -> None:
    """Exit with a sentence when the committed stubs are not those of the protos."""
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch)
        write_stubs(fresh)
        expected = {path.relative_to(fresh) for path in fresh.rglob("*_pb2*")}
        present = {
            path.relative_to(GENERATED) for path in GENERATED.rglob("*_pb2*.py*") if "__pycache__" not in path.parts
        }
        stale = sorted(
            str(name)
            for name in expected | present
            if name not in expected
            or name not in present
            or not filecmp.cmp(fresh / name, GENERATED / name, shallow=False)
        )
    if stale:
        raise SystemExit(f"stale stubs, run `make protos`: {', '.join(stale)}")


def lint() -> None:
    """Run `buf lint` over a compiled image, as buf's own registry of Google's protos may be out of reach."""
    with tempfile.TemporaryDirectory() as scratch:
        image = Path(scratch) / "image.binpb"
        _compile("--include_imports", "--include_source_info", f"--descriptor_set_out={image}")
        command = [str(BINARIES / "buf"), "lint", str(image), "--config", str(HERE / "buf.yaml")]
        outcome = subprocess.run(command, check=False)
    if outcome.returncode != 0:
        raise SystemExit(outcome.returncode)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when gen/ is stale")
    parser.add_argument("--lint", action="store_true", help="run buf lint")
    chosen = parser.parse_args()
    if chosen.check:
        check_stubs()
    if chosen.lint:
        lint()
    if not (chosen.check or chosen.lint):
        write_stubs(GENERATED)
