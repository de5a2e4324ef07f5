"""Releases of Linux: "6.18", of which "6.18.44-generic" is one version."""

import re

_BEGINNING = re.compile(r"(\d+)\.(\d+)(?!\d)")


def release_of(version: str) -> str:
    """The release that a version belongs to: "6.18" of "6.18.44-generic". Raises `ValueError` for another text."""
    return "{}.{}".format(*_numbers(version))


def is_before(version: str, release: str) -> bool:
    """Whether a version is older than a release."""
    return _numbers(version) < _numbers(release)


def _numbers(version: str) -> tuple[int, int]:
    found = _BEGINNING.match(version)
    if found is None:
        raise ValueError(f"{version!r} is no release of Linux: expected one such as 6.18")
    return int(found[1]), int(found[2])
