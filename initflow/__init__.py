"""The container init flow of docker/libcontainer, and what verifies it."""

from initflow.configuration import Configuration, ConfigurationError, load
from initflow.verification import Result, verify

__all__ = ["Configuration", "ConfigurationError", "Result", "load", "verify"]
