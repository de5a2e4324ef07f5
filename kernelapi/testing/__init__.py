"""The conformance suite: cases that any implementation of the protocol can be given, without a test framework."""
