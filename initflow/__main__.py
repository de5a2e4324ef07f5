"""`python -m initflow`: the command line, where the command `initflow` is not on the path."""

from initflow.cli import main

if __name__ == "__main__":
    main()
