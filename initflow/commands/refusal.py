"""How a command refuses bad input: status 2, and one sentence on standard error."""

import sys
from collections.abc import Iterable
from typing import NoReturn

import click

USAGE = 2


def fail(sentence: str) -> NoReturn:
    """End with status 2 and one sentence on standard error."""
    click.echo(f"initflow: {sentence}", err=True)
    sys.exit(USAGE)


def unknown(what: str, word: str, known: Iterable[str]) -> NoReturn:
    """End: there is no `what` called `word`. Says which of the `known` ones may have been meant, if one is like it."""
    from difflib import get_close_matches

    by_lower = {name.lower(): name for name in known}
    longer = [name for name in by_lower if word and name.startswith(word.lower())]
    close = longer or get_close_matches(word.lower(), by_lower, n=1)
    hint = f"; did you mean {by_lower[close[0]]}?" if close else ""
    fail(f"{word}: there is no such {what}{hint}")
