"""Leaving out of an input whatever it need not have: the last step of shrinking.

Hypothesis shrinks the choices that an input was drawn by, where one thing may depend on another. Here the input itself is made
smaller, until nothing of it can be left out any more.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from itertools import product
from typing import Any

from fakekernel.profile import HostProfile
from initflow import callers, images
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
    for candidate in _with_less_beside(shown):
        if shows(candidate):
            shown = candidate
            break
    before = None
    while before != shown:
        before = shown
        for path in list(_paths(shown.document)):
            document = _without(shown.document, path)
            if document is not None and shows(candidate := replace(shown, document=document)):
                shown = candidate
    return shown


def _with_less_beside(shown: Input) -> Iterator[Input]:
    """The input with one oddity each of an image, a caller and a host that have several."""
    pairs = product(
        [images.named(name) for name in _names(shown.image.name)] or [shown.image],
        [callers.named(name) for name in _names(shown.caller.name)] or [shown.caller],
        _hosts(shown.host),
    )
    for image, caller, host in pairs:
        candidate = replace(shown, image=image, caller=caller, host=host)
        if candidate != shown:
            yield candidate


def _names(name: str) -> list[str]:
    return name.split("+") if "+" in name else []


def _hosts(host: HostProfile) -> list[HostProfile]:
    """Those that are different from the usual one in one thing that `host` is different in; `host` itself where it is one."""
    changed = [field.name for field in fields(HostProfile) if getattr(host, field.name) != getattr(HOST, field.name)]
    return [replace(HOST, **{name: getattr(host, name)}) for name in changed] or [host]


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
