"""Does the simulated kernel answer as Linux does? Programs of several processes, and all short sequences, on both kernels."""

from initflow.conformance.program import Agent, Entry, Held, Program, Step

__all__ = ["Agent", "Entry", "Held", "Program", "Step"]
