"""The cases, a module for each noun of the kernel. `load` imports them all."""

import importlib
import pkgutil

from kernelapi.testing.case import Case, declared


def load() -> tuple[Case, ...]:
    """Every case of this package."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return declared()
