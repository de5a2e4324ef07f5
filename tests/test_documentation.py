"""The pages that come from the flows, the rules and the catalogue are what the generator writes; the catalogue is whole."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from initflow.documentation import PAGES
from initflow.flows import FLOWS
from initflow.invariants.catalogue import INVARIANTS
from initflow.invariants.lines import GROUPS, LINES, Line
from initflow.reference.synchronisation import FIRST, LAST, SYNCHRONISATIONS

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as a process of its own writes them: flows that other tests have made are not in it."""
    directory = tmp_path_factory.mktemp("docs")
    subprocess.run([sys.executable, "-m", "initflow.documentation", str(directory)], check=True, cwd=PROJECT)
    return directory


def stale(directory: Path, generated: Path) -> list[str]:
    """The pages in `directory` that are not what the generator writes."""
    return [name for name in PAGES if (directory / name).read_bytes() != (generated / name).read_bytes()]


def test_the_pages_are_what_the_generator_writes(generated: Path) -> None:
    assert not stale(DOCS, generated), "run: python -m initflow.documentation"


def test_a_page_that_was_changed_by_hand_is_found(generated: Path, tmp_path: Path) -> None:
    for name in PAGES:
        shutil.copy(generated / name, tmp_path)
    assert not stale(tmp_path, generated)
    page = tmp_path / "rules.md"
    page.write_text(page.read_text().replace("EPERM", "EACCES", 1))
    assert stale(tmp_path, generated) == ["rules.md"]


def anchors(page: Path) -> set[str]:
    """By which names links lead to the titles of a page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", PAGES)
def test_links_of_the_pages_lead_somewhere(generated: Path, name: str) -> None:
    known = {page: anchors(generated / page) for page in PAGES}
    links = re.findall(r"\]\(([^)\s]+)\)", (generated / name).read_text())
    assert links
    for link in set(links):
        file, _, title = link.partition("#")
        assert (DOCS / file).exists(), link
        assert not title or title in known[file or name], link


# -- the catalogue --


def outdated(lines: tuple[Line, ...], checked: set[str]) -> list[str]:
    """The lines that are checked, and still say why they are not."""
    return [line.id for line in lines if line.id in checked and (line.waits or line.undecidable)]


def test_what_is_checked_waits_for_nothing() -> None:
    assert not outdated(LINES, set(INVARIANTS)), "take the reason out of initflow/invariants/lines.py"


def test_a_line_that_is_checked_and_still_waits_is_found() -> None:
    waiting = next(line for line in LINES if line.waits)
    assert outdated(LINES, {waiting.id}) == [waiting.id]


def test_each_line_stands_once_in_its_group_in_order() -> None:
    ids = [line.id for line in LINES]
    assert len(ids) == len(set(ids))
    order = list(GROUPS)
    assert ids == sorted(ids, key=lambda id: (order.index(id.partition("-")[0]), id))
    assert {id.partition("-")[0] for id in (*ids, *INVARIANTS)} == set(GROUPS)


def test_additions_of_ours_continue_a_group() -> None:
    last = {line.id.partition("-")[0]: line.id for line in LINES}
    for id in set(INVARIANTS) - {line.id for line in LINES}:
        assert id > last.get(id.partition("-")[0], ""), f"{id} is no line of the catalogue, and stands among them"


def test_a_line_cannot_wait_for_something_unheard_of() -> None:
    with pytest.raises(ValueError, match="waits for 'better days'"):
        Line("NS-99", "all is well", "better days")


def test_every_synchronisation_is_one_of_some_flow() -> None:
    known = [{FIRST, LAST, *(step.name for step in flow.leaves())} for flow in FLOWS.values()]
    for one in SYNCHRONISATIONS:
        assert any({one.sender, one.receiver} <= names for names in known), one
