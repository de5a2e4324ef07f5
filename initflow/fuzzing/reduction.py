"""Leaving out of an input whatever it need not have: the last step of shrinking.

Hypothesis shrinks the choices that an input was drawn by, where one thing may depend on another. Here the input itself is made
smaller, until nothing of it can be left out any more.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from initflow.callers import DEFAULT_CALLER
from initflow.fuzzing.inputs import Document, Input
from initflow.images import DEFAULT_IMAGE
from initflow.verification import DEFAULT_PAYLOAD, HOST


def reduced(shown: Input, shows: Callable[[Input], bool]) -> Input:
    """The input without all that it still `shows` the same without: image, caller, host, payload, keys, entries of lists."""
    for simpler in ({"image": DEFAULT_IMAGE}, {"caller": DEFAULT_CALLER}, {"host": HOST}, {"args": DEFAULT_PAYLOAD}):
        candidate = replace(shown, **simpler)
        if candidate != shown and shows(candidate):
            shown = candidate
    before = None
    while before != shown:
        before = shown
        for path in list(_paths(shown.document)):
            document = _without(shown.document, path)
            if document is not None and shows(candidate := replace(shown, document=document)):
                shown = candidate
    return shown


def _paths(value: Any) -> Iterator[tuple[Any, ...]]:
    """The way to each part of a document: what holds others before these, the last of a list first."""
    keys = list(value) if isinstance(value, dict) else range(len(value))[::-1] if isinstance(value, list) else ()
    for key in keys:
        yield (key,)
        for rest in _paths(value[key]):
            yield (key, *rest)


def _without(document: Document, path: tuple[Any, ...]) -> Document | None:
    """The document without the part at `path`; None if that is gone already."""
    changed = copy.deepcopy(document)
    holder: Any = changed
    try:
        for key in path[:-1]:
            holder = holder[key]
        del holder[path[-1]]
    except (KeyError, IndexError, TypeError):
        return None
    return changed
