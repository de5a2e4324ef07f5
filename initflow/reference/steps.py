"""The steps of a flow as a reader asks for them: where they stand, what they hand on, which calls they make."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent
from types import FunctionType, ModuleType

from initflow.flow import Flow, Group, Step
from kernelapi.call import Call
from kernelapi.kernel import CALLS


@dataclass(frozen=True)
class Place:
    """Where a step stands: the part of the flow, the groups around it from the outside in, what is before it and after."""

    flow: Flow
    part: str
    groups: tuple[Group, ...]
    earlier: tuple[Step, ...]
    later: tuple[Step, ...]

    @property
    def previous(self) -> str | None:
        """The name of the step before it."""
        return self.earlier[-1].name if self.earlier else None

    @property
    def next(self) -> str | None:
        """The name of the step after it."""
        return self.later[0].name if self.later else None

    @property
    def prefix(self) -> str:
        """What an error of the step begins with, in the message that the parent gets."""
        return " ".join(group.prefix for group in self.groups if group.prefix)

    @property
    def conditions(self) -> tuple[str, ...]:
        """What must be so for the step to be taken at all."""
        return tuple(text for group in self.groups if (text := condition(group)))


def parts(flow: Flow) -> dict[str, Group]:
    """The steps of each process that takes part, by name. The processes of a helper are numbered."""
    found = {"parent": flow.parent, "prologue": flow.prologue}
    processes = flow.helper.children if flow.helper is not None else ()
    found.update((f"helper {n}", group) for n, group in enumerate(processes, 1) if isinstance(group, Group))
    if flow.entering is None:
        return {**found, "init": flow.init}
    return {**found, "entering": flow.entering, "entered": flow.init}


def condition(group: Group) -> str:
    """When a group is not passed over, in words; "" for always."""
    return "" if group.when is None else group.when.__name__.replace("_", " ")


def wrapped(group: Group) -> Step | None:
    """The one step in a group that does nothing but give it a prefix."""
    match group.children:
        case (Step() as only,) if not group.doc and group.when is None:
            return only
    return None


def walk(group: Group, above: tuple[Group, ...] = ()) -> Iterator[tuple[Step, tuple[Group, ...]]]:
    """The steps below a group in order, each with the groups around it, from the outside in."""
    inside = (*above, group)
    for child in group.children:
        if isinstance(child, Group):
            yield from walk(child, inside)
        else:
            yield child, inside


def places(flow: Flow, name: str) -> Iterator[tuple[Step, Place]]:
    """The steps of `flow` that are called `name`, with their places."""
    for part, group in parts(flow).items():
        line = list(walk(group))
        order = tuple(step for step, _ in line)
        for index, (step, groups) in enumerate(line):
            if step.name == name:
                yield step, Place(flow, part, groups, order[:index], order[index + 1 :])


def writers(place: Place, slot: str) -> tuple[str, ...]:
    """The steps of the same process that fill `slot` before this place."""
    return tuple(step.name for step in place.earlier if slot in step.writes)


def readers(place: Place, slot: str) -> tuple[str, ...]:
    """The steps of the same process that need `slot` after this place."""
    return tuple(step.name for step in place.later if slot in step.reads)


def source(step: Step) -> tuple[str, int]:
    """The file of a step, as it is called in the project, and the line at which it begins."""
    code = step.function.__code__
    return f"{step.function.__module__.replace('.', '/')}.py", code.co_firstlineno


def paragraphs(doc: str) -> tuple[str, ...]:
    """A docstring in paragraphs, each one line."""
    return tuple(" ".join(text.split()) for text in doc.split("\n\n") if text.strip())


def calls(step: Step) -> tuple[Call, ...]:
    """The calls that a step can make, in the order of the protocol: which of them a run makes, its configuration decides.

    Read off the source: of the step, and of all of `initflow` that it uses.
    """
    found = _Calls()
    found.gather(step.function)
    return tuple(call for name, call in CALLS.items() if name in found.names)


class _Calls(ast.NodeVisitor):
    """Collects the methods of a kernel that functions name, and those that functions used by them name."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.seen: set[FunctionType] = set()
        self.scope: dict[str, object] = {}

    def gather(self, used: object) -> None:
        if isinstance(used, type) and used.__module__.startswith("initflow."):
            for method in vars(used).values():
                self.gather(method)
        elif isinstance(used, FunctionType) and _is_ours(used) and used not in self.seen:
            self.seen.add(used)
            outer, self.scope = self.scope, used.__globals__
            self.visit(ast.parse(dedent(inspect.getsource(used))))
            self.scope = outer

    def visit_Call(self, node: ast.Call) -> None:
        self.visit(node.func)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "clone":
            return  # what is handed to it are the calls of another process
        for argument in (*node.args, *node.keywords):
            self.visit(argument)

    def visit_Name(self, node: ast.Name) -> None:
        self.gather(self.scope.get(node.id))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        match node.value:
            case ast.Name(id="kernel") | ast.Attribute(attr="kernel"):
                self.names.add(node.attr)
            case ast.Name(id=name) if isinstance(module := self.scope.get(name), ModuleType):
                self.gather(getattr(module, node.attr, None))
        self.generic_visit(node)


def _is_ours(function: FunctionType) -> bool:
    """Whether a function is written in a module of this package: what is generated, or inherited, makes no calls."""
    scope = function.__globals__
    return str(scope["__name__"]).startswith("initflow.") and function.__code__.co_filename == scope.get("__file__")
