"""Imports a plugin's root module by its bare name, or beside an installed package that has this name already."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})


def import_from(folder: str, module: str, source: Path) -> ModuleType:
    """The module of this name; whether it is the one in `source` is for the caller to see. Raises what it raises.

    A plugin may have the name of a library that some installation of the host has and its author's had not. Python
    would then import the library, and a plugin in its place would break whoever needs the library. So both are kept:
    the plugin is imported as `name@folder`, which its relative imports do not notice.
    """
    if folder not in sys.path:
        # At the end: a plugin must not stand in for a module of Python's own.
        sys.path.append(folder)
    importlib.invalidate_caches()
    file = source / "__init__.py" if source.is_dir() else source
    if not _is_installed(module, file):
        return importlib.import_module(module)
    name = f"{module}@{Path(folder).name.replace('.', '-')}"
    return sys.modules.get(name) or _import_as(name, file)


def _is_installed(module: str, file: Path) -> bool:
    """Whether the name is a package's that is installed, and not that of the plugin's own file."""
    try:
        spec = importlib.util.find_spec(module)
    except ValueError:  # a module that was made by hand
        return False
    if spec is None or spec.origin is None or Path(spec.origin).resolve() == file.resolve():
        return False
    return not _INSTALLED.isdisjoint(Path(spec.origin).parts)


def _import_as(name: str, file: Path) -> ModuleType:
    places = [str(file.parent)] if file.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=places)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported", name=name, path=str(file))
    module = importlib.util.module_from_spec(spec)
    # Before it runs, as Python does: what it imports may import it.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module
