"""A host as a document: what `initflow host-profile` writes, and `initflow verify --host` starts from.

Its keys are the fields of `HostProfile`; what is left out is as on the host that is simulated by default.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from fakekernel.profile import PARAMETERS, PROPAGATION, HostProfile
from kernelapi.capability import Cap, CapSet
from kernelapi.flags import RLIM_INFINITY, Rlimit
from kernelapi.releases import release_of
from kernelapi.values import Limit

SCHEMA = "initflow.host-profile/1"


class HostError(ValueError):
    """A document cannot be used: one sentence that names the file, the place in it, and what is wrong there."""


# -- values that have a form of their own --


def _capabilities(held: CapSet | None) -> list[str] | None:
    return None if held is None else [Cap(cap).name for cap in held]


def _from_capabilities(value: Any) -> CapSet:
    names = msgspec.convert(value, list[str])
    for name in names:
        if name not in Cap.__members__:
            raise ValueError(f"there is no capability {name!r}")
    return CapSet(Cap[name] for name in names)


def _from_optional_capabilities(value: Any) -> CapSet | None:
    return None if value is None else _from_capabilities(value)


def _limits(limits: tuple[tuple[int, Limit], ...]) -> dict[str, list[int | None]]:
    return {
        Rlimit(resource).name: [None if each == RLIM_INFINITY else each for each in (limit.soft, limit.hard)]
        for resource, limit in limits
    }


def _from_limits(value: Any) -> tuple[tuple[int, Limit], ...]:
    found = []
    for name, values in msgspec.convert(value, dict[str, tuple[int | None, int | None]]).items():
        if name not in Rlimit.__members__:
            raise ValueError(f"there is no limit {name!r}")
        soft, hard = (RLIM_INFINITY if each is None else each for each in values)
        if not 0 <= soft <= hard <= RLIM_INFINITY:
            raise ValueError(f"{name}: expected two numbers, the first not above the second")
        found.append((Rlimit[name], Limit(soft, hard)))
    return tuple(sorted(found))


def _parameters(parameters: tuple[tuple[str, int], ...]) -> dict[str, int]:
    return dict(parameters)


def _from_parameters(value: Any) -> tuple[tuple[str, int], ...]:
    found = msgspec.convert(value, dict[str, int])
    for name, number in found.items():
        if name not in PARAMETERS:
            raise ValueError(f"{name!r} is none of {', '.join(PARAMETERS)}")
        if number < 0:
            raise ValueError(f"{name}: expected a number that is not negative")
    return tuple((name, found[name]) for name in PARAMETERS if name in found)


FORMS: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "bounding": (_capabilities, _from_capabilities),
    "effective": (_capabilities, _from_optional_capabilities),
    "limits": (_limits, _from_limits),
    "parameters": (_parameters, _from_parameters),
}
"""By field: how it is written, and how it is read. Any other is written and read as its type says."""


# -- the document --


def as_json(host: HostProfile) -> dict[str, Any]:
    """The document of a host."""
    written = {}
    for field in fields(HostProfile):
        value = getattr(host, field.name)
        written[field.name] = FORMS[field.name][0](value) if field.name in FORMS else msgspec.to_builtins(value)
    return {"schema": SCHEMA, **written}


def load(path: Path) -> HostProfile:
    """The host that a document tells of. Raises `HostError`."""
    try:
        document = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise HostError(f"{path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HostError(f"{path}: not JSON: {error}") from None
    return read(document, str(path))


def read(document: Any, path: str) -> HostProfile:
    """The host that a document in the file `path` tells of. Raises `HostError`."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise HostError(f"{path}: not what `initflow host-profile` writes: expected an object whose schema is {SCHEMA!r}")
    types = get_type_hints(HostProfile)
    given = {}
    for name, value in document.items():
        if name == "schema":
            continue
        if name not in types:
            raise HostError(f"{path}: $.{name}: there is no such key; expected one of {', '.join(types)}")
        try:
            given[name] = FORMS[name][1](value) if name in FORMS else msgspec.convert(value, types[name])
        except ValueError as error:
            raise HostError(f"{path}: $.{name}: {error}") from None
    try:
        return _checked(HostProfile(**given))
    except ValueError as error:
        raise HostError(f"{path}: {error}") from None


def _checked(host: HostProfile) -> HostProfile:
    """What no type says. Raises `ValueError`."""
    try:
        release_of(host.release)
    except ValueError as error:
        raise ValueError(f"$.release: {error}") from None
    if host.processors < 1:
        raise ValueError("$.processors: expected 1 or more")
    if host.effective is not None and not host.effective <= host.bounding:
        raise ValueError(f"$.effective: {host.effective - host.bounding} is not within $.bounding")
    for index, mount in enumerate(host.mounts):
        if mount.propagation not in PROPAGATION:
            expected = ", ".join(PROPAGATION)
            raise ValueError(f"$.mounts[{index}].propagation: expected one of {expected}, found {mount.propagation!r}")
    return host

