"""JSON text as Go's encoding/json reads it (Go 1.4, which built the original).

A configuration must mean here what it meant there, and no JSON library of Python reads that way: msgspec refuses bytes
that are not UTF-8, half a surrogate pair, and anything after the value; it lets -0 pass as unsigned, and it forgets
repeated keys. So this module reads the text, `gostruct` puts what was read into structs, and msgspec describes and
writes those.

* One value is read; what follows it is ignored, well-formed or not.
* Repeated keys are all there, in the order in which they are written; numbers are kept as they are written.
* A byte that is not UTF-8, and half of an escaped surrogate pair, each stand as a surrogate: `gostruct` replaces them.
* Nesting ends at 10,000 levels: Go 1.4 knew no limit, later ones have this one.
"""

import json
import re
from dataclasses import dataclass
from typing import TypeAlias, cast

MAX_DEPTH = 10_000


@dataclass(slots=True)
class Number:
    """A number as it is written: 1, 1.0 and 1e0 are not the same to Go."""

    literal: str


class Members(list[tuple[str, "Json"]]):
    """An object: its keys and values in the order in which they are written."""


Json: TypeAlias = "bool | str | Number | list[Json] | Members | None"


class JsonError(ValueError):
    """The input is refused: at a place (line and column, or a JSON path), for a problem."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


def parse(data: bytes) -> tuple[Json, str | None]:
    """The first JSON value in `data`, and the place of what follows it, if anything does.

    Raises `JsonError` with the line and column of what is not JSON.
    """
    scanner = _Scanner(data.decode("utf-8", "surrogateescape"))
    value = scanner.quick_value()
    return value, scanner.place() if scanner.next_mark() else None


_SPACE = re.compile(r"[ \t\n\r]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_LITERAL = re.compile(r"true|false|null")
_ESCAPE = re.compile(
    r"""\\(?: u (?P<high>[dD][89abAB][0-9a-fA-F]{2}) \\u (?P<low>[dD][c-fC-F][0-9a-fA-F]{2})
            | u (?P<code>[0-9a-fA-F]{4})
            | (?P<letter>["\\/bfnrt]) )""",
    re.VERBOSE,
)

_LITERALS = {"true": True, "false": False, "null": None}
_LETTERS = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


_QUICK = json.JSONDecoder(
    object_pairs_hook=Members, parse_int=Number, parse_float=Number, parse_constant=_refuse_constant, strict=True
)


class _Scanner:
    """A cursor in a text. It keeps a stack of its own, so that no nesting exhausts Python's."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def quick_value(self) -> Json:
        """As `value`, by Python's own reader where that takes the text: what it takes, it reads as we do.

        Where it does not, `value` has the words for what is wrong, and no limit but ours to the nesting.
        """
        start = _SPACE.match(self.text).end()  # type: ignore[union-attr]  # it matches anywhere
        try:
            value, self.at = _QUICK.raw_decode(self.text, start)
        except (ValueError, RecursionError):
            return self.value()
        return cast("Json", value)

    def value(self) -> Json:
        open_containers: list[list[Json] | Members] = []
        open_keys: list[str] = []  # of each open object, the key whose value comes next
        while True:
            value: Json
            mark = self.next_mark()
            if len(open_containers) == MAX_DEPTH and mark in ("{", "["):
                raise JsonError(self.place(), f"nested more than {MAX_DEPTH} levels deep")
            match mark:
                case "{":
                    self.at += 1
                    value = Members()
                    if not self.take("}"):
                        open_containers.append(value)
                        open_keys.append(self.key())
                        continue
                case "[":
                    self.at += 1
                    value = []
                    if not self.take("]"):
                        open_containers.append(value)
                        continue
                case '"':
                    value = self.string()
                case _:
                    value = self.number_or_literal("a value" if open_containers else "an object")
            # The value is complete: it goes into its container, which may be complete with it, and so on outwards.
            while open_containers:
                container = open_containers[-1]
                if isinstance(container, Members):
                    container.append((open_keys.pop(), value))
                    if self.take(","):
                        open_keys.append(self.key())
                        break
                    self.expect("}", "',' or '}'")
                else:
                    container.append(value)
                    if self.take(","):
                        break
                    self.expect("]", "',' or ']'")
                value = open_containers.pop()
            else:
                return value

    def key(self) -> str:
        if self.next_mark() != '"':
            raise self.unexpected("a key in double quotes")
        key = self.string()
        self.expect(":", "':'")
        return key

    def string(self) -> str:
        self.at += 1
        parts = []
        while True:
            parts.append(self.run(_PLAIN))
            match self.text[self.at : self.at + 1]:
                case '"':
                    self.at += 1
                    return "".join(parts)
                case "\\":
                    escape = _ESCAPE.match(self.text, self.at)
                    if escape is None:
                        raise self.unexpected("an escape that JSON has")
                    parts.append(_unescaped(escape))
                    self.at = escape.end()
                case _:
                    raise self.unexpected("the rest of a string and its closing quote")

    def number_or_literal(self, expected: str) -> Json:
        if found := _NUMBER.match(self.text, self.at):
            self.at = found.end()
            return Number(found.group())
        if found := _LITERAL.match(self.text, self.at):
            self.at = found.end()
            return _LITERALS[found.group()]
        raise self.unexpected(expected)

    def next_mark(self) -> str:
        """The next character that is not space, or "" at the end."""
        self.run(_SPACE)
        return self.text[self.at : self.at + 1]

    def take(self, mark: str) -> bool:
        """Whether `mark` comes next; then it is skipped."""
        if self.next_mark() != mark:
            return False
        self.at += 1
        return True

    def expect(self, mark: str, expected: str) -> None:
        if not self.take(mark):
            raise self.unexpected(expected)

    def run(self, pattern: re.Pattern[str]) -> str:
        """Skip what `pattern`, which may match nothing, matches here."""
        found = pattern.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        return found.group()

    def place(self) -> str:
        line = self.text.count("\n", 0, self.at) + 1
        column = self.at - self.text.rfind("\n", 0, self.at)
        return f"line {line}, column {column}"

    def unexpected(self, expected: str) -> JsonError:
        found = _described(self.text[self.at : self.at + 1])
        return JsonError(self.place(), f"expected {expected}, found {found}")


def _unescaped(escape: re.Match[str]) -> str:
    if escape["letter"]:
        return _LETTERS[escape["letter"]]
    if escape["code"]:
        return chr(int(escape["code"], 16))
    return chr(0x10000 + ((int(escape["high"], 16) & 0x3FF) << 10) + (int(escape["low"], 16) & 0x3FF))


def _described(char: str) -> str:
    if not char:
        return "the end of the input"
    if char == "\ufeff":
        return "a byte order mark"
    if "\udc80" <= char <= "\udcff":
        return f"the byte 0x{ord(char) - 0xDC00:02X}, which is not UTF-8"
    return f"'{char}'" if char.isprintable() else f"U+{ord(char):04X}"
