"""What a call is: a name, its parameters, and the rows by which it may be refused.

A protocol method carries its `Call`, put there by `@syscall`; `bind` turns any *dispatch*, a function of a call and
its arguments, into an object with all the methods. Whatever wraps a kernel (recording, faults, schedules, replay) wraps
that one function.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from kernelapi.rules import Effect, Refusal, Rule

Dispatch = Callable[["Call", tuple[Any, ...]], Any]
"""Carries out one call: gets the call and its complete arguments; returns its value or raises `OSError`."""

Method = TypeVar("Method", bound=Callable[..., Any])


class Call:
    """One system call, or one operation of a multiplexed one (`prctl_set_pdeathsig`)."""

    __slots__ = ("doc", "effects", "function", "is_alias", "name", "refusals", "signature")

    def __init__(self, function: Callable[..., Any], rows: tuple[Rule, ...], *, is_alias: bool) -> None:
        self.name = function.__name__
        self.function = function
        self.signature = inspect.signature(function)
        self.doc = inspect.getdoc(function) or ""
        self.refusals = tuple(row for row in rows if isinstance(row, Refusal))
        self.effects = tuple(row for row in rows if isinstance(row, Effect))
        self.is_alias = is_alias

    @property
    def parameters(self) -> tuple[inspect.Parameter, ...]:
        """The parameters of the call, without `self`."""
        return tuple(self.signature.parameters.values())[1:]

    def __repr__(self) -> str:
        return f"<Call {self.name}>"


def syscall(*rows: Rule | tuple[Rule, ...]) -> Callable[[Method], Method]:
    """Declare a protocol method as a system call that is refused by `rows`, given in the order of the checks."""
    flat = tuple(row for entry in rows for row in (entry if isinstance(entry, tuple) else (entry,)))

    def declare(function: Method) -> Method:
        function.call = Call(function, flat, is_alias=False)  # type: ignore[attr-defined]
        return function

    return declare


def alias(function: Method) -> Method:
    """Declare a narrower name of a more general call: its one line calls the general one; a trace shows its own name."""
    function.call = Call(function, (), is_alias=True)  # type: ignore[attr-defined]
    return function


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
