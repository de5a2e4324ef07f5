"""A flow: what a runtime does, as a tree of steps that a reader sees at a glance and a program can take apart.

A leaf is a function of one context that makes calls; its docstring says why it stands where it stands. A group holds the prefix
that errors from below it get, and its children. Steps hand each other what they find out through slots of the context: a
step that reads a slot which no step has filled raises `NotReady`, which is a dependency on data, told apart from a reason
of the kernel.
"""

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar, overload

from initflow.golang import GoError, errno_text
from kernelapi.kernel import Kernel

Value = TypeVar("Value")


class FlowError(Exception):
    """A step failed: the message is what the original reports, prefixes included."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Panic(Exception):
    """The original crashes here: the Go runtime ends the process with status 2 and nothing is reported."""


class failing:
    """`with failing("chroot ."):` what fails inside is reported with these words before it."""

    __slots__ = ("words",)

    def __init__(self, words: str) -> None:
        self.words = words

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, OSError):
            raise FlowError(f"{self.words} {errno_text(error.errno or 0)}") from error
        if isinstance(error, GoError):
            raise FlowError(f"{self.words} {error}") from error


class NotReady(Exception):
    """A step needs a slot that no earlier step has filled."""


class Slot(Generic[Value]):
    """A value of the context that one step fills and others read."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, context: None, owner: type) -> "Slot[Value]": ...
    @overload
    def __get__(self, context: "Context", owner: type) -> Value: ...
    def __get__(self, context: "Context | None", owner: type) -> "Slot[Value] | Value":
        if context is None:
            return self
        try:
            value: Value = context.slots[self.name]
        except KeyError:
            raise NotReady(f"{self.name} is not known yet") from None
        return value

    def __set__(self, context: "Context", value: Value) -> None:
        context.slots[self.name] = value


class Context:
    """What the steps of one process share: its kernel, and the slots."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.slots: dict[str, Any] = {}


@dataclass(frozen=True)
class Step:
    """A leaf: `function(context)` makes calls. `reads` and `writes` name slots."""

    name: str
    function: Callable[[Any], None]
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()

    @property
    def doc(self) -> str:
        return (self.function.__doc__ or "").strip()

    def __repr__(self) -> str:
        return f"<Step {self.name}>"


@dataclass(frozen=True)
class Group:
    """An inner step: errors from its children get its prefix, and a space. Without `when(context)` it is passed over."""

    prefix: str
    children: "tuple[Step | Group, ...]"
    when: Callable[[Any], bool] | None
    doc: str

    def __init__(
        self, prefix: str, *children: "Step | Group", when: Callable[[Any], bool] | None = None, doc: str = ""
    ) -> None:
        object.__setattr__(self, "prefix", prefix)
        object.__setattr__(self, "children", children)
        object.__setattr__(self, "when", when)
        object.__setattr__(self, "doc", doc)

    def leaves(self) -> Iterator[Step]:
        """The steps below, in order."""
        for child in self.children:
            if isinstance(child, Step):
                yield child
            else:
                yield from child.leaves()


@dataclass(frozen=True)
class Flow:
    """The flows of the processes that start a payload: the parent, the child between clone and exec, and init.

    `helper`, where there is one, holds a group for each process of the setup helper: the one that sends another into the
    container, that one, and its child, which does the work. `entering` is there where the payload comes into a container that
    runs already: what the child does there, before a child of its own, which is in all the namespaces, takes the steps of
    `init`.
    """

    name: str
    doc: str
    parent: Group
    prologue: Group
    init: Group
    helper: Group | None = None
    entering: Group | None = None

    def groups(self) -> Iterator[Group]:
        """The group of each part: the parent's, that between clone and exec, the helper's, the entering one's, that of init."""
        yield from (
            group for group in (self.parent, self.prologue, self.helper, self.entering, self.init) if group is not None
        )

    def leaves(self) -> Iterator[Step]:
        """All steps, in the order of the parts."""
        for group in self.groups():
            yield from group.leaves()

    def step(self, name: str) -> Step:
        """The step called `name`. Raises `KeyError` where there is none."""
        for leaf in self.leaves():
            if leaf.name == name:
                return leaf
        raise KeyError(f"{self.name} has no step {name}")

    def without(self, name: str) -> "Flow":
        """This flow, without the step called `name`."""
        return self.edited(f"without {name}", {self.step(name): ()})

    def swapped(self, name: str, other: str) -> "Flow":
        """This flow, with the steps called `name` and `other` in each other's place."""
        one, two = self.step(name), self.step(other)
        return self.edited(f"with {name} and {other} swapped", {one: (two,), two: (one,)})

    def replacing(self, name: str, *steps: Step) -> "Flow":
        """This flow, with `steps` in the place of the one called `name`."""
        return self.edited(f"with {'_'.join(step.name for step in steps)} for {name}", {self.step(name): steps})

    def following(self, name: str, *steps: Step) -> "Flow":
        """This flow, with `steps` after the one called `name`."""
        before = self.step(name)
        return self.edited(f"with {'_'.join(step.name for step in steps)} after {name}", {before: (before, *steps)})

    def edited(self, change: str, edits: Mapping[Step, tuple[Step, ...]]) -> "Flow":
        """This flow, with each step of `edits` replaced by those that it maps to; `change` says so in its name."""

        def edit(group: Group) -> Group:
            children: list[Step | Group] = []
            for child in group.children:
                children += [edit(child)] if isinstance(child, Group) else edits.get(child, (child,))
            return Group(group.prefix, *children, when=group.when, doc=group.doc)

        helper, entering = (None if group is None else edit(group) for group in (self.helper, self.entering))
        return Flow(
            f"{self.name} {change}", self.doc, edit(self.parent), edit(self.prologue), edit(self.init), helper, entering
        )  # fmt: skip


@overload
def step(function: Callable[[Any], None]) -> Step: ...
@overload
def step(*, reads: str = "", writes: str = "") -> Callable[[Callable[[Any], None]], Step]: ...
def step(
    function: Callable[[Any], None] | None = None, *, reads: str = "", writes: str = ""
) -> Step | Callable[[Callable[[Any], None]], Step]:
    """Declare a function of a context to be a step. `reads` and `writes` name slots, separated by spaces."""

    def declare(function: Callable[[Any], None]) -> Step:
        return Step(function.__name__, function, tuple(reads.split()), tuple(writes.split()))

    return declare if function is None else declare(function)


CURRENT: ContextVar[Step | None] = ContextVar("current step", default=None)
"""The step under way in this process: for whoever watches. A program that is not a flow has none."""


def perform(node: Step | Group, context: Context) -> None:
    """Take the steps of `node` in order. Raises `FlowError` with the whole message at the first that fails."""
    if isinstance(node, Group):
        if node.when is not None and not node.when(context):
            return
        try:
            for child in node.children:
                perform(child, context)
        except FlowError as error:
            if not node.prefix:
                raise
            raise FlowError(f"{node.prefix} {error.message}") from error
        return
    CURRENT.set(node)
    try:
        node.function(context)
    except OSError as error:
        raise FlowError(errno_text(error.errno or 0)) from error
    except GoError as error:
        raise FlowError(str(error)) from error
