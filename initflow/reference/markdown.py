"""What the generated pages share: where they are from, tables, links to a title."""

import re
from collections.abc import Iterable, Iterator

ORIGIN = "This page is generated: `python -m initflow.documentation` writes it."


def table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """The lines of a table."""
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(map(_escaped, row))} |"


def _escaped(cell: str) -> str:
    """A cell in which nothing but code, links and what is said to be bold stands for something else than itself."""
    return cell.replace("|", r"\|").replace("*", r"\*").replace("<", "&lt;")


def anchor(title: str) -> str:
    """By which name a link leads to the title, as GitHub has it."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def code(text: str) -> str:
    """Text as code."""
    return f"`{text}`"
