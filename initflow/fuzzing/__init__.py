"""Which configurations break an invariant? Inputs drawn by the thousand, run, judged, and shrunk to the smallest."""
