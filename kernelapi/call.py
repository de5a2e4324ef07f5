"""What a call is: a name, its parameters, and the rows by which it may be refused.

A protocol method carries its `Call`, put there by `@syscall`; `bind` turns any *dispatch*, a function of a call and
its arguments, into an object with all the methods. Whatever wraps a kernel (recording, faults, schedules, replay) wraps
that one function.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

from kernelapi.rules import Effect, Refusal, Rule

Dispatch = Callable[["Call", tuple[Any, ...]], Any]
"""Carries out one call: gets the call and its complete arguments; returns its value or raises `OSError`."""

Method = TypeVar("Method", bound=Callable[..., Any])


class Call:
    """One system call, or one operation of a multiplexed one (`prctl_set_pdeathsig`).

    `refusals` stand in the order in which Linux checks. `general` is, for an alias, the call that carries it out.
    """

    __slots__ = ("doc", "effects", "function", "general", "name", "refusals", "signature")

    def __init__(self, function: Callable[..., Any], rows: tuple[Rule, ...], general: "Call | None" = None) -> None:
        self.name = function.__name__
        self.function = function
        self.signature = inspect.signature(function)
        self.doc = inspect.getdoc(general.function if general is not None else function) or ""
        self.refusals = tuple(row for row in rows if isinstance(row, Refusal))
        self.effects = tuple(row for row in rows if isinstance(row, Effect))
        self.general = general

    @property
    def is_alias(self) -> bool:
        return self.general is not None

    @property
    def parameters(self) -> tuple[inspect.Parameter, ...]:
        """The parameters of the call, without `self`."""
        return tuple(self.signature.parameters.values())[1:]

    def __repr__(self) -> str:
        return f"<Call {self.name}>"


Rows: TypeAlias = "Rule | tuple[Rows, ...]"
"""A row, or several that stand together: tuples of them may be nested."""


def syscall(*rows: Rows) -> Callable[[Method], Method]:
    """Declare a protocol method as a system call that is refused by `rows`, given in the order of the checks."""

    def declare(function: Method) -> Method:
        function.call = Call(function, tuple(_flat(rows)))  # type: ignore[attr-defined]
        return function

    return declare


def alias(general: Callable[..., Any], *, without: Rows = ()) -> Callable[[Method], Method]:
    """Declare a narrower name of the call `general`: its one line makes that call, and a trace shows its own name.

    It has the rows of the general call, but for those that it is `without`, since its arguments cannot lead there.
    """

    def declare(function: Method) -> Method:
        call = call_of(general)
        excluded = frozenset(_flat((without,)))
        rows = tuple(row for row in (*call.refusals, *call.effects) if row not in excluded)
        function.call = Call(function, rows, call)  # type: ignore[attr-defined]
        return function

    return declare


def _flat(rows: tuple[Rows, ...]) -> Iterator[Rule]:
    for row in rows:
        if isinstance(row, tuple):
            yield from _flat(row)
        else:
            yield row


def call_of(method: Callable[..., Any]) -> Call:
    """The call that a protocol method declares. Raises `AttributeError` for any other function."""
    call: Call = method.call  # type: ignore[attr-defined]
    return call


def calls_of(protocol: type) -> Mapping[str, Call]:
    """Every call that `protocol` declares, by name, in the order of declaration."""
    found: dict[str, Call] = {}
    for base in reversed(protocol.__mro__):
        for value in vars(base).values():
            if isinstance(call := getattr(value, "call", None), Call):
                found[call.name] = call
    return found


def bound_class(calls: Mapping[str, Call]) -> type:
    """A class whose instances, made of one dispatch, have a method for each call: one frame between caller and dispatch."""
    methods: dict[str, Any] = {"__slots__": ("dispatch",), "__init__": _initialise}
    methods.update((name, _method(call)) for name, call in calls.items())
    return type("Kernel", (), methods)


def _initialise(self: Any, dispatch: Dispatch) -> None:
    self.dispatch = dispatch


def _method(call: Call) -> Callable[..., Any]:
    """`def setuid(self, uid): return self.dispatch(CALL, (uid,))`, with the declared defaults."""
    declared = [str(p.replace(annotation=inspect.Parameter.empty, default=inspect.Parameter.empty)) for p in call.parameters]
    passed = "".join(f"{name}, " for name in declared)
    scope: dict[str, Any] = {"CALL": call}
    exec(f"def {call.name}(self, {', '.join(declared)}): return self.dispatch(CALL, ({passed}))", scope)
    method: Callable[..., Any] = scope[call.name]
    method.__defaults__ = tuple(p.default for p in call.parameters if p.default is not p.empty)
    method.__doc__ = call.doc
    return method
