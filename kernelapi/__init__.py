"""What one process may ask of Linux: the protocol, its types and its rules."""
