"""The flow on the real kernel, and the guard that stands outside it."""
