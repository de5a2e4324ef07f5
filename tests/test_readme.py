"""What the README shows is so."""

import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_program_in_the_readme_is_the_example() -> None:
    (program,) = (text for language, text in BLOCKS if language == "python")
    assert program == (PROJECT / "examples" / "own_program.py").read_text()


def test_the_excerpt_in_the_readme_is_what_the_command_prints() -> None:
    command = [sys.executable, "-c", "from initflow.cli import main; main()", "verify", "examples/minimal.json"]
    shown = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False).stdout
    words = set(shown.split())
    (excerpt,) = (text for language, text in BLOCKS if not language)
    assert [word for word in excerpt.split() if word not in words and "..." not in word] == []


def test_links_and_folders_of_the_readme_are_there() -> None:
    for path in re.findall(r"\]\((\w[^)]*)\)", README) + re.findall(r"^\| `(\w+/)` ", README, re.MULTILINE):
        assert (PROJECT / path).exists(), path
