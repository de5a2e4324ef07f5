"""What docs/findings.md says is broken is so: each finding is told, and its command shows it."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from initflow.callers import CALLERS
from initflow.commands.verify import command as verify
from initflow.flows import LIBCONTAINER
from initflow.images import IMAGES
from initflow.invariants.catalogue import INVARIANTS
from initflow.reference import findings
from initflow.reference.findings import Findings, Start, find
from initflow.reference.remarks import REMARKS
from initflow.run import Outcome, Reported
from initflow.situations import ENTRIES, SITUATIONS, Situation
from initflow.variants import VARIANTS

PROJECT = Path(__file__).parents[1]
EXAMPLES = PROJECT / "examples"
PAGE = (PROJECT / "docs" / "findings.md").read_text()
SECTIONS = re.findall(r"^### ([A-Z]+-\d+): .*?^```sh\ninitflow (verify .*?)\n```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def found() -> Findings:
    return find(EXAMPLES)


def test_each_broken_invariant_has_its_remark_and_no_other_has(found: Findings) -> None:
    broken = {finding.invariant.id for finding in found.findings}
    assert broken - set(REMARKS) == set(), "initflow/reference/remarks.py: say what breaks, and what later runtimes do"
    assert set(REMARKS) - broken == set(), "initflow/reference/remarks.py: no situation shows this one any more"
    assert {remark.cause for remark in REMARKS.values()} - {""} <= broken


def test_every_example_and_every_situation_is_started_once(found: Findings) -> None:
    started = [(start.config, start.situation) for start in found.starts]
    assert len(started) == len(set(started))
    assert {start.config for start in found.starts} == {path.name for path in EXAMPLES.glob("*.json")}
    assert [start.situation for start in found.starts if start.config == findings.PLAIN] == [*SITUATIONS, *ENTRIES]


def test_every_violation_is_in_a_finding(found: Findings) -> None:
    for start in found.starts:
        assert {finding.invariant.id for finding in found.findings if start in finding.starts} == start.breaks


def test_the_page_has_a_section_for_each_finding_in_their_order(found: Findings) -> None:
    assert [id for id, _ in SECTIONS] == [finding.invariant.id for finding in found.findings]


@pytest.mark.parametrize(("id", "command"), SECTIONS, ids=[id for id, _ in SECTIONS])
def test_the_command_of_a_section_shows_its_finding(id: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    shown = CliRunner().invoke(verify, [*command.split()[1:], "--json"])
    (result,) = json.loads(shown.output)["results"]
    assert id in {violation["invariant"] for violation in result["violations"]}


@pytest.mark.parametrize("words", [IMAGES, CALLERS, VARIANTS], ids=["images", "callers", "variants"])
def test_each_image_caller_and_variant_is_on_the_page(words: dict[str, object]) -> None:
    assert [name for name in words if name != "default" and not re.search(rf"-- ?\w+ {name}\b|{name}[ `]", PAGE)] == []


def test_what_one_sees_of_a_start_is_told_under_one_finding_and_among_all_starts(found: Findings) -> None:
    for start in found.starts:
        if start.situation.seen and start.size and found.new(start):
            told = [line for line in PAGE.splitlines() if line.startswith("- With") and line.endswith(start.situation.seen)]
            label = f"- With `{' '.join(start.situation.options)}`: "
            assert sum(line.startswith(label) for line in told) == 1, label


# -- how they are gathered --


def start(breaks: str = "", *, image: str = "default", caller: str = "default", variants: str = "") -> Start:
    situation = Situation(image, caller, tuple(variants.split()))
    return Start(findings.PLAIN, situation, "", Outcome.EXECUTED, Reported.STARTED, True, None, frozenset(breaks.split()))


def test_what_a_smaller_start_breaks_already_is_not_new() -> None:
    starts = (
        start("A-1"),
        start("A-1 B-1", variants="no-tty"),
        start("A-1 C-1", caller="groups"),
        start("A-1 B-1 C-1 D-1", variants="no-tty", caller="groups"),
        start("A-1 C-1", image="readonly"),
    )
    gathered = Findings(starts, ())
    assert [" ".join(sorted(gathered.new(start))) for start in starts] == ["A-1", "B-1", "C-1", "D-1", "C-1"]


def test_what_differs_in_numbers_and_names_of_capabilities_is_the_same() -> None:
    pattern = findings._pattern
    assert pattern("it makes 5 (socket:[4]) without") == pattern("it makes 17 (socket:[99]) without")
    assert pattern("it still holds {BPF}") == pattern("it still holds {BPF, PERFMON}")
    assert pattern("/proc/sys can be written") != pattern("/proc/irq can be written")


def test_a_start_that_is_reported_wrongly_misleads(found: Findings) -> None:
    misleading = {" ".join(start.situation.options) for start in found.starts if start.misleads}
    assert misleading == {
        "--variant network-null", "--variant no-mount-config", "--image passwd-fifo", "--caller ignores-children",
        "--exec-in", "--variant no-tty --exec-in",  # of who enters, nothing is ever told
    }  # fmt: skip


def test_a_finding_names_the_step_and_the_call(found: Findings) -> None:
    (way, *_) = next(finding for finding in found.findings if finding.invariant.id == "TTY-02").ways
    assert (way.flow, way.part, way.step, way.call) == (LIBCONTAINER.name, "init", "open_console", 'open("/dev/pts/0", O_RDWR)')
    run_of_it = way.starts[0]
    assert run_of_it.is_plain


def test_an_invariant_without_a_remark_is_told_by_its_name() -> None:
    id = next(id for id in INVARIANTS if id not in REMARKS)
    assert findings.Finding(INVARIANTS[id], ()).remark.breaks == f"Not so: {INVARIANTS[id].name}"
