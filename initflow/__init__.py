"""The container init flow of docker/libcontainer, and what verifies it."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from initflow.configuration import Configuration, ConfigurationError, load
    from initflow.verification import Result, verify

__all__ = ["Configuration", "ConfigurationError", "Result", "load", "verify"]

_MODULES = {
    "Configuration": "configuration",
    "ConfigurationError": "configuration",
    "load": "configuration",
    "Result": "verification",
    "verify": "verification",
}


def __getattr__(name: str) -> object:
    """What is public, imported when it is asked for: the command line shows its help long before it needs a machine."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
