"""The calls of the simulated kernel: a mixin for each noun of the protocol."""
