"""Imports point one way, initflow -> fakekernel -> kernelapi, and the lower two need only the standard library."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent

# What each package may import beside itself and the standard library ...
BELOW = {
    "kernelapi": set[str](),
    "fakekernel": {"kernelapi"},
    "initflow": {"fakekernel", "kernelapi", "msgspec", "click", "rich"},
}
# ... and the named exceptions: (module, and whatever is inside it) -> what it may import as well.
EXCEPTIONS = {
    "fakekernel.process": "greenlet",
    "fakekernel.scheduler": "greenlet",
    "kernelapi.linux.network": "pyroute2",
    "initflow.strategies": "hypothesis",
    "initflow.fuzzing": "hypothesis",
    "initflow.commands.fuzz": "hypothesis",
    "initflow.pytest_plugin": "pytest",
    "initflow.pytest_kernel": "pytest",
    "initflow.conformance.campaign": "hypothesis",
    "initflow.conformance.generation": "hypothesis",
}


def imported(tree: ast.Module, package: str) -> Iterator[tuple[int, str]]:
    """Every import of a module of `package` (dotted), at any depth of the text: its line and the full name."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, level=0):
                yield node.lineno, str(module)
            case ast.ImportFrom(module=module, level=level):
                parents = package.split(".")
                base = parents[: len(parents) - (level - 1)]
                yield node.lineno, ".".join([*base, module] if module else base) or "(beyond the top)"
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
                args=[first, *_],
            ):
                literal = first.value if isinstance(first, ast.Constant) else "(computed)"
                yield node.lineno, str(literal)


def forbidden(module: str, text: str, *, is_package: bool = False) -> list[str]:
    """One line for each import in `text`, the source of `module`, that the project's layers do not allow."""
    package = module if is_package else module.rpartition(".")[0]
    top = module.partition(".")[0]
    allowed = sys.stdlib_module_names | BELOW[top] | {top}
    allowed |= {extra for place, extra in EXCEPTIONS.items() if f"{module}.".startswith(f"{place}.")}
    return [
        f"{module}:{line}: imports {name}"
        for line, name in imported(ast.parse(text), package)
        if name.partition(".")[0] not in allowed
    ]


def sources(package: str) -> list[Path]:
    return sorted((PROJECT / package).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("package", BELOW)
def test_imports_point_one_way(package: str) -> None:
    paths = sources(package)
    assert paths, f"{package} has no module"
    found = [
        line
        for path in paths
        for line in forbidden(module_name(path), path.read_text("utf-8"), is_package=path.name == "__init__.py")
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("kernelapi.call", "import fakekernel"),
        ("kernelapi.call", "from fakekernel.machine import Machine"),
        ("kernelapi.call", "def late():\n    import initflow.cli"),
        ("kernelapi.call", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from initflow import Flow"),
        ("kernelapi.call", "import importlib\nimportlib.import_module('fakekernel')"),
        ("kernelapi.call", "__import__(name)"),
        ("kernelapi.call", "from .. import initflow"),
        ("kernelapi.call", "import os, msgspec"),
        ("kernelapi.call", "import greenlet"),
        ("kernelapi.linux.kernel", "import pyroute2"),
        ("kernelapi.linux.networks", "import pyroute2"),
        ("kernelapi.testing", "import pytest"),
        ("fakekernel.machine", "from initflow import Flow"),
        ("fakekernel.machine", "from greenlet import greenlet"),
        ("fakekernel.scheduler", "import pyroute2"),
        ("initflow.cli", "import greenlet"),
        ("initflow.cli", "import hypothesis"),
        ("initflow.testing", "import pytest"),
    ],
)
def test_a_forbidden_import_is_found(module: str, text: str) -> None:
    assert forbidden(module, text)


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("kernelapi.call", "import os.path\nfrom collections.abc import Callable"),
        ("kernelapi.call", "from .errors import ModelError\nfrom . import rules\nimport kernelapi.flags"),
        ("kernelapi.linux.network", "from ..errors import ModelError\nfrom pyroute2.netlink import nlmsg"),
        ("fakekernel.scheduler", "from greenlet import greenlet\nfrom kernelapi import Kernel"),
        ("initflow.cli", "import click, rich.table, msgspec\nfrom fakekernel import Machine\nimport kernelapi"),
    ],
)
def test_an_allowed_import_is_not(module: str, text: str) -> None:
    assert not forbidden(module, text)
