"""The container init flow, and what verifies it."""
