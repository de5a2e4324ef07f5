"""What a configuration may ask for and this version cannot give it: refused by name before anything is run."""

from collections.abc import Iterator

from initflow.configuration import Configuration
from initflow.gostruct import Finding


def beyond(configuration: Configuration) -> Iterator[Finding]:
    """Each thing that the flows here do not do yet: at present there is none."""
    yield from ()
