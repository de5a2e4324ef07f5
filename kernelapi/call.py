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

    __slots__ = ("_parameters", "effects", "function", "general", "name", "refusals")

    def __init__(self, function: Callable[..., Any], rows: tuple[Rule, ...], general: "Call | None" = None) -> None:
        self.name = function.__name__
        self.function = function
        self.refusals = tuple(row for row in rows if isinstance(row, Refusal))
        self.effects = tuple(row for row in rows if isinstance(row, Effect))
        self.general = general
        self._parameters: tuple[inspect.Parameter, ...] | None = None  # found out when first asked for: imports are faster

    @property
    def is_alias(self) -> bool:
        return self.general is not None

    @property
    def doc(self) -> str:
        """What the call does; of an alias, what the general call does."""
        return inspect.getdoc(self.function if self.general is None else self.general.function) or ""

    @property
    def parameters(self) -> tuple[inspect.Parameter, ...]:
        """The parameters of the call, without `self`."""
        if self._parameters is None:
            self._parameters = tuple(inspect.signature(self.function).parameters.values())[1:]
        return self._parameters

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
    scope: dict[str, Any] = {f"CALL_{name}": call for name, call in calls.items()}
    exec("\n".join(map(_source, calls.values())), scope)  # all at once: this is what an import waits for
    methods: dict[str, Any] = {"__slots__": ("dispatch",), "__init__": _initialise}
    for name, call in calls.items():
        method = scope[name]
        method.__defaults__ = call.function.__defaults__
        method.__doc__ = (call.general or call).function.__doc__
        methods[name] = method
    return type("Kernel", (), methods)


def _initialise(self: Any, dispatch: Dispatch) -> None:
    self.dispatch = dispatch


def _source(call: Call) -> str:
    """`def setuid(self, uid): return self.dispatch(CALL_setuid, (uid,))`."""
    code = call.function.__code__
    names = [*code.co_varnames[1 : code.co_argcount]]
    if code.co_flags & inspect.CO_VARARGS:
        names.append(f"*{code.co_varnames[code.co_argcount + code.co_kwonlyargcount]}")
    passed = "".join(f"{name}, " for name in names)
    return f"def {call.name}(self, {', '.join(names)}): return self.dispatch(CALL_{call.name}, ({passed}))"
