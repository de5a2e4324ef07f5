"""Linux in memory: deterministic, inspectable, and able to go back."""
