"""Reading a script of the simulated shell: words, and the operators between commands.

What the shell does not know is refused before anything of the script is run.
"""

from collections.abc import Iterator
from typing import NamedTuple

OPERATORS = ("&&", "||", ";", "\n")
NOT_MODELLED = {
    "&": "background commands", "|": "pipes", "<": "redirections", ">": "redirections", "(": "subshells", ")": "subshells",
    "`": "command substitution", "*": "patterns", "?": "patterns", "[": "patterns",
}  # fmt: skip
RESERVED = frozenset(
    ("if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "{", "}", "!", "in", "function")
)
NAMES = frozenset("_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


class Syntax(Exception):
    """The script is not one, or not one that this shell knows; the message says why."""


class Token(NamedTuple):
    """An operator, or a word whose quotes and variables have not been looked at yet."""

    text: str
    is_operator: bool


def parse(script: str) -> list[tuple[str, list[str]]]:
    """The commands of a script, each with the operator before it. Raises `Syntax`."""
    commands: list[tuple[str, list[str]]] = []
    joint, words = ";", list[str]()
    for token in tokens(script):
        if not token.is_operator:
            if not words and token.text in RESERVED:
                raise Syntax(f"sh: not modelled: {token.text}")
            words.append(token.text)
            continue
        if words:
            commands.append((joint, words))
        elif token.text != "\n":
            raise Syntax(f'sh: syntax error: unexpected "{token.text}"')
        elif joint in ("&&", "||"):
            continue
        joint, words = token.text, []
    if words:
        commands.append((joint, words))
    elif joint in ("&&", "||"):
        raise Syntax("sh: syntax error: unexpected end of file")
    return commands


def tokens(script: str) -> Iterator[Token]:
    """Words and operators. Raises `Syntax`."""
    index, word = 0, ""
    while index < len(script):
        character = script[index]
        operator = next((operator for operator in OPERATORS if script.startswith(operator, index)), None)
        if operator is not None or character in " \t":
            if word:
                yield Token(word, False)
                word = ""
            if operator is not None:
                yield Token(operator, True)
            index += len(operator or " ")
        elif character in "'\"":
            end = _closing(script, index)
            word, index = word + script[index:end], end
        elif character == "\\":
            word, index = word + script[index : index + 2], index + 2
        elif character == "#" and not word:
            end = script.find("\n", index)
            index = len(script) if end < 0 else end
        elif character == "$" and script[index + 1 : index + 2] in ("?", "("):
            if script[index + 1] == "(":
                raise Syntax("sh: not modelled: command substitution")
            word, index = word + "$?", index + 2
        elif character in NOT_MODELLED:
            raise Syntax(f"sh: not modelled: {NOT_MODELLED[character]}")
        else:
            word, index = word + character, index + 1
    if word:
        yield Token(word, False)


def _closing(script: str, start: int) -> int:
    """Behind the quote that ends the quoted text which begins at `start`."""
    quote, index = script[start], start + 1
    while index < len(script):
        if script[index] == quote:
            return index + 1
        if quote == '"' and script[index] == "`":
            raise Syntax("sh: not modelled: command substitution")
        if quote == '"' and script.startswith("$(", index):
            raise Syntax("sh: not modelled: command substitution")
        index += 2 if quote == '"' and script[index] == "\\" else 1
    raise Syntax("sh: syntax error: unterminated quoted string")


def is_assignment(token: str) -> bool:
    name, equals, _ = token.partition("=")
    return bool(equals) and bool(name) and not set(name) - NAMES and not name[0].isdigit()
