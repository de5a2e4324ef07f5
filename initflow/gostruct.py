"""JSON values decoded into structs as Go's encoding/json does it (Go 1.4, which built the original).

A msgspec Struct stands for a Go struct, `X | None` for a pointer, `tuple[X, ...]` for a slice. Then:

* A key means the field of exactly that name, or else the one that it names with case folded. Other keys are ignored.
* null makes a pointer or a slice nil and leaves anything else as it is.
* A repeated key is decoded *over* what is there: a plain value is replaced, an object merged, an array decoded element
  by element over the earlier one (over what lay beyond a shorter one in between, too; Go issue 21092).
* An integer is written as one, without point or exponent, and within the range of its type; an unsigned one without
  sign.
* What is not Unicode in a string becomes U+FFFD, one for each byte or escape.

What is accepted although its author may have meant something else is told as a `Finding`.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar, get_args, get_origin

import msgspec

from initflow.gojson import Json, JsonError, Members, Number

S = TypeVar("S", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class IntegerType:
    """An integer type of Go, in the annotation of a field."""

    low: int
    high: int


Int = Annotated[int, IntegerType(-(2**63), 2**63 - 1)]
Int32 = Annotated[int, IntegerType(-(2**31), 2**31 - 1)]
Uint32 = Annotated[int, IntegerType(0, 2**32 - 1)]
Uint64 = Annotated[int, IntegerType(0, 2**64 - 1)]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the input that is accepted although its author may have meant something else.

    `rule` says what kind of thing, `place` is a JSON path (or line and column), `message` a clause about that place.
    """

    rule: str
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


def decode_struct(value: Json, struct: type[S]) -> tuple[S, list[Finding]]:
    """`value` as a `struct`, with what was found on the way. Raises `JsonError` with a JSON path."""
    if value is None:
        raise _unexpected("$", "an object", value)
    findings: list[Finding] = []
    target = _target(struct)
    decoded: S = target.finish(target.store(target.zero, value, "$", findings))
    return decoded, findings


# -- One target for each kind of type ----------------------------------------------------------------------------------


class _Target:
    """A place of some type, into which values are stored one over the other.

    `state` is what it holds meanwhile: None or the value itself, except for an object (a dict of the states of its
    fields) and an array (`_Elements`), which the next value of a repeated key changes in place.
    """

    zero: ClassVar[Any] = None
    on_repeat: ClassVar[str] = "the last value counts"

    def store(self, state: Any, value: Json, path: str, findings: list[Finding]) -> Any:
        """The state after `value` was stored over `state`."""
        raise NotImplementedError

    def finish(self, state: Any) -> Any:
        """The frozen value of a state."""
        return state


class _Bool(_Target):
    zero = False

    def store(self, state: bool, value: Json, path: str, findings: list[Finding]) -> bool:
        if value is None:
            return state
        if not isinstance(value, bool):
            raise _unexpected(path, "true or false", value)
        return value


class _String(_Target):
    zero = ""

    def store(self, state: str, value: Json, path: str, findings: list[Finding]) -> str:
        if value is None:
            return state
        if not isinstance(value, str):
            raise _unexpected(path, "a string", value)
        text = _well_formed(value)
        if text != value:
            findings.append(Finding("not-unicode", path, "what is not Unicode in it is read as U+FFFD"))
        if "\0" in text:
            findings.append(Finding("nul", path, "holds a NUL, which no path or name of the kernel can"))
        return text


@dataclass(frozen=True)
class _Integer(_Target):
    type: IntegerType

    zero = 0

    def store(self, state: int, value: Json, path: str, findings: list[Finding]) -> int:
        if value is None:
            return state
        if not isinstance(value, Number) or not value.literal.removeprefix("-").isdecimal():
            raise _unexpected(path, "an integer", value)
        literal, low, high = value.literal, self.type.low, self.type.high
        # Longer than 20 characters is out of every range; of thousands of digits, int() would make an error of its own.
        if len(literal) > 20 or not low <= int(literal) <= high or (low == 0 and literal.startswith("-")):
            raise _unexpected(path, f"an integer from {low} to {high}", value)
        return int(literal)


@dataclass(frozen=True)
class _Pointer(_Target):
    to: _Target

    on_repeat = "it is merged into the earlier one"

    def store(self, state: Any, value: Json, path: str, findings: list[Finding]) -> Any:
        if value is None:
            return None
        return self.to.store(self.to.zero if state is None else state, value, path, findings)

    def finish(self, state: Any) -> Any:
        return None if state is None else self.to.finish(state)


@dataclass(slots=True)
class _Elements:
    """Of a slice that is not nil: the states of its whole backing array, and how many are in use."""

    states: list[Any]
    length: int


@dataclass(frozen=True)
class _Slice(_Target):
    of: _Target
    nil: tuple[()] | None

    on_repeat = "its elements are decoded over the earlier ones"

    def store(self, state: _Elements | None, value: Json, path: str, findings: list[Finding]) -> _Elements | None:
        if value is None:
            return None
        if not isinstance(value, list) or isinstance(value, Members):
            raise _unexpected(path, "an array", value)
        if state is None or not value:
            state = _Elements([], 0)
        state.length = len(value)
        state.states.extend([self.of.zero] * (len(value) - len(state.states)))
        for index, item in enumerate(value):
            place = f"{path}[{index}]"
            if item is None:
                findings.append(self.null_element(place))
            state.states[index] = self.of.store(state.states[index], item, place, findings)
        return state

    def null_element(self, place: str) -> Finding:
        if isinstance(self.of, _Pointer):
            return Finding("null-element", place, "is a nil pointer, on which the step that reads it crashes")
        return Finding("null-element", place, "null leaves an element at its default")

    def finish(self, state: _Elements | None) -> tuple[Any, ...] | None:
        if state is None:
            return self.nil
        return tuple([self.of.finish(element) for element in state.states[: state.length]])


_Fields: TypeAlias = dict[str, Any] | None


class _Record(_Target):
    on_repeat = "it is merged into the earlier one"

    def __init__(self, struct: type[msgspec.Struct]) -> None:
        self.struct = struct
        self.fields = {field.encode_name: _target(field.type) for field in msgspec.structs.fields(struct)}
        self.folded = {fold(name): name for name in self.fields}
        self.squeezed = {_squeezed(name): name for name in self.fields}

    def store(self, state: _Fields, value: Json, path: str, findings: list[Finding]) -> _Fields:
        if value is None:
            return state
        if not isinstance(value, Members):
            raise _unexpected(path, "an object", value)
        fields = state or {}
        seen = set()
        for raw_key, member in value:
            key = _well_formed(raw_key)
            place = path + _step(key)
            name = key if key in self.fields else self.folded.get(fold(key))
            if name is None:
                findings.append(self.unknown_key(key, place))
                continue
            target = self.fields[name]
            if key != name:
                findings.append(Finding("key-case", place, f'is read as "{name}"'))
            if name in seen:
                findings.append(Finding("repeated-key", place, f'"{name}" is here again; {target.on_repeat}'))
            seen.add(name)
            fields[name] = target.store(fields.get(name, target.zero), member, place, findings)
        return fields

    def unknown_key(self, key: str, place: str) -> Finding:
        meant = self.squeezed.get(_squeezed(key))
        hint = f'; did you mean "{meant}"?' if meant else ""
        return Finding("unknown-key", place, f"no such key, it is ignored{hint}")

    def finish(self, state: _Fields) -> msgspec.Struct:
        return self.struct(**{name: self.fields[name].finish(field) for name, field in (state or {}).items()})


@cache
def _target(annotation: Any) -> _Target:
    """The target that the annotation of a field, or a Struct, asks for."""
    if get_origin(annotation) is Annotated:
        return _Integer(annotation.__metadata__[0])
    if get_origin(annotation) is tuple:
        return _Slice(_target(get_args(annotation)[0]), nil=())
    if get_origin(annotation) is UnionType:
        some, _none = get_args(annotation)
        if get_origin(some) is tuple:
            return _Slice(_target(get_args(some)[0]), nil=None)
        return _Pointer(_target(some))
    if annotation is str:
        return _String()
    if annotation is bool:
        return _Bool()
    return _Record(annotation)


# -- Keys, paths, descriptions -----------------------------------------------------------------------------------------

_SURROGATE = re.compile("[\ud800-\udfff]")
_SHORT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def fold(key: str) -> str:
    """What Go compares a key by when no field has exactly its name; the names themselves are ASCII.

    Beside the case of ASCII letters it folds the long s (U+017F) to s and the kelvin sign (U+212A) to k.
    """
    key = key.replace("\u017f", "s").replace("\u212a", "k")
    return key.lower() if key.isascii() else key


def quoted(text: str) -> str:
    """`text` for a message: in double quotes, in ASCII, on one line, and no longer than a reader wants."""
    return json.dumps(text) if len(text) <= 64 else json.dumps(text[:60]) + "..."


def _step(key: str) -> str:
    """A key as one step of a JSON path."""
    return f".{key}" if _SHORT_NAME.fullmatch(key) else f"[{quoted(key)}]"


def _squeezed(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


def _well_formed(text: str) -> str:
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _unexpected(path: str, expected: str, value: Json) -> JsonError:
    return JsonError(path, f"expected {expected}, found {_described(value)}")


def _described(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return "a string"
        case Number(literal):
            return literal if len(literal) <= 64 else f"a number of {len(literal)} characters"
        case Members():
            return "an object"
        case _:
            return "an array"
