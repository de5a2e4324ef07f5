"""Does the simulated kernel answer as Linux does? Random programs of several processes, played on both and compared."""

from initflow.conformance.comparison import Comparison, compare, reduce
from initflow.conformance.generation import generate
from initflow.conformance.program import Number, Path, Program, Step

__all__ = ["Comparison", "Number", "Path", "Program", "Step", "compare", "generate", "reduce"]
