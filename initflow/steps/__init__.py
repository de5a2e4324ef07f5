"""The steps of the flows, a module for each part of the work."""
