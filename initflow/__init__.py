"""The container init flow of docker/libcontainer, and what verifies it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from initflow.configuration import Configuration, ConfigurationError, load
    from initflow.verification import Result, verify

__all__ = ["Configuration", "ConfigurationError", "Result", "load", "verify"]


def __getattr__(name: str) -> object:
    """What is public, imported when it is asked for: the command line shows its help long before it needs a machine."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from initflow import configuration, verification

    return getattr(verification if name in ("Result", "verify") else configuration, name)
