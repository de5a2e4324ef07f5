"""What stands in the flows, the rules and the catalogue, gathered for a reader: no text of its own, and no layout."""
