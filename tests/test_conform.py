"""Programs and sequences on both kernels: the answers are alike, and so are the states; and a difference would be noticed."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from initflow.commands.conform import command
from initflow.conformance import arguments, outcome, phrases
from initflow.conformance.campaign import Task, blocks, programs_of, results, shrink
from initflow.conformance.comparison import Comparer, Tally
from initflow.conformance.coverage import Coverage
from initflow.conformance.program import STARTS, Agent, Entry, Held, Outcome, Program, Step, Transcript
from initflow.conformance.script import python, written
from initflow.conformance.sequences import DIGEST, EVERY, order
from initflow.conformance.simulated import Simulator
from initflow.conformance.themes import THEMES
from initflow.conformance.walks import Walked, simulated, units
from kernelapi.capability import CapSet
from kernelapi.flags import Signal
from kernelapi.kernel import CALLS
from kernelapi.protocol.credentials import SETUID_UNPRIVILEGED
from kernelapi.rules import Rule, rule
from kernelapi.values import CapData, Limit

PROGRAMS = 250
"""What a change has to pass; `ci/full` plays more."""

SEED = 20150113

CLONE_EINTR = rule("clone.eintr")
"""A row with an excuse."""

RACES = 0.03
"""Of this part of the programs the real kernel may make something else every time."""


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return Simulator(checks=True)


# -- both kernels --


def found(tasks: Sequence[Task]) -> tuple[Tally, list[Walked]]:
    tally, walked = Tally(), []
    for _, result in results(tasks, workers=2):
        if isinstance(result, Tally):
            tally.add(result)
        else:
            walked.append(result)
    return tally, walked


def holds(tally: Tally) -> None:
    shown = [f"{each.key}\n{written(each.program, each)}" for each in tally.disagreements]
    shown += [f"{why}\n{written(program)}" for program, why in tally.broken]
    assert not shown, "\n\n".join(shown)
    assert len(tally.racing) <= 1 + RACES * tally.programs


@pytest.mark.privileged
def test_programs_are_answered_alike(figure: Callable[[str], None]) -> None:
    tally, _ = found([("block", block) for block in blocks(PROGRAMS, SEED)])
    figure(
        f"{tally.programs} generated programs: {tally.calls} calls and {tally.states} states compared with the real kernel, "
        f"{tally.failed / tally.calls:.0%} of the calls failed, {len(tally.disagreements)} disagreements"
    )
    holds(tally)
    assert tally.programs == PROGRAMS
    assert tally.calls > 10 * PROGRAMS
    assert tally.failed > tally.calls / 5
    assert tally.states > PROGRAMS


@pytest.mark.privileged
def test_sequences_of_two_calls_are_answered_alike(figure: Callable[[str], None]) -> None:
    _, walked = found([("walk", unit) for unit in units(2)])
    partings = sum(len(each.partings) for each in walked)
    figure(f"{sum(each.sequences for each in walked)} sequences of up to two calls on both kernels, {partings} partings")
    assert not [(parting.start, parting.calls, parting.real, parting.fake) for each in walked for parting in each.partings]
    assert sum(each.agreed for each in walked) == sum(each.sequences for each in walked) > 6000


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.privileged
def test_many_programs_and_all_sequences_of_three_calls_are_answered_alike() -> None:
    tasks: list[Task] = [("block", block) for seed in (1, 2, 3) for block in blocks(2000, seed)]
    tally, walked = found([*tasks, *(("walk", unit) for unit in units(3))])
    holds(tally)
    assert not [(parting.start, parting.calls) for each in walked for parting in each.partings]
    assert not set(CALLS) - set(tally.compared)


@pytest.mark.privileged
def test_the_command_counts_what_it_compares() -> None:
    result = CliRunner().invoke(command, ["--programs", "12", "--seed", "7", "--workers", "1", "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["schema"] == "initflow.conform/1"
    assert document["programs"] == 12
    assert document["calls"] == document["agreed"] == sum(compared for compared, _ in document["calls_by_name"].values())
    assert document["disagreements"] == []
    rows = document["rules"]
    assert rows["total"] == rows["confirmed"] + rows["excused"] + rows["open"]


def test_without_root_the_command_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 2
    assert result.stderr == "initflow: conform: the real kernel is asked in fresh namespaces, which needs root\n"


# -- programs --


def test_a_seed_gives_the_same_programs_whatever_the_hash_seed() -> None:
    show = "from initflow.conformance.campaign import programs_of; print(programs_of((1, 0, 5)))"
    shown = {
        subprocess.run(
            [sys.executable, "-c", show], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(shown) == 1
    assert programs_of((1, 0, 5)) != programs_of((2, 0, 5)) != programs_of((2, 1, 5))


def test_a_program_gives_the_same_transcript_again(simulator: Simulator) -> None:
    programs = programs_of((3, 0, 12))
    first = [simulator.play(program) for program in programs]
    assert not [each.failure for each in first if each.failure]
    assert [simulator.play(program) for program in programs] == first
    assert [Simulator(checks=True).play(program) for program in programs[:3]] == first[:3]


def test_every_call_has_arguments_and_belongs_to_some_theme() -> None:
    assert set(arguments.ARGUMENTS) == set(CALLS)
    assert {name for theme in THEMES.values() for name in theme} <= {*CALLS, "request"}


def test_no_path_leads_to_an_entry_of_proc_that_is_the_hosts() -> None:
    """Its attributes would be changed on the host too. That of its root are not: each instance has its own."""
    named = {part for path in (*arguments.PLAIN, *arguments.ODD, *arguments.OF_DIRECTORIES) for part in path.split("/")}
    assert not named & ({entry.name for entry in Path("/proc").iterdir() if not entry.name.isdecimal()} - {"self"})


def test_no_program_names_the_file_that_an_agent_executes() -> None:
    """It is the interpreter of the host."""
    for block in blocks(1000, SEED):
        for program in programs_of(block):
            entries = [arg for step in program.steps for arg in step.args if isinstance(arg, Entry)]
            assert not [entry for entry in entries if "exe" in entry.rest.split("/")]
    source = "".join(Path(module.__file__ or "").read_text() for module in (arguments, phrases))
    assert not re.search(r"\bexe\b|map_files|/proc/1\b|/proc/self|sysfs|cgroup2?\b(?!_)", source.replace("ns/cgroup", ""))


def test_a_call_that_waits_is_answered_by_a_later_step(simulator: Simulator) -> None:
    steps = (
        Step(0, "clone", (int(Signal.CHLD),)),
        Step(0, "wait4", (-1, 0)),
        Step(0, "getpid"),
        Step(0, "kill", (Agent(1), int(Signal.KILL))),
        Step(0, "kill", (Agent(1), 0)),
    )
    played = simulator.play(Program("root", steps)).transcript
    assert played is not None
    born, waits, other, dies, gone = played.outcomes
    assert born.answers == ((0, "@1"),)
    assert waits.answers == ()
    assert other.agent == 1
    assert dies.answers == ((0, ("@1", Signal.KILL)),)
    assert [seen.state for seen in dies.seen or ()] == ["S", ""]
    assert [repr(answer) for _, answer in gone.answers] == ["ESRCH"]


def test_whether_a_child_that_ends_with_its_waiting_parent_was_taken_in_is_not_compared(simulator: Simulator) -> None:
    steps = (
        Step(0, "clone", (int(Signal.CHLD),)),
        Step(0, "wait4", (-1, 0)),
        Step(1, "kill", (Agent(0, True), int(Signal.TERM))),
    )
    transcript = simulator.play(Program("root", steps)).transcript
    assert transcript is not None
    seen = transcript.outcomes[-1].seen
    assert seen is not None
    assert [each.state for each in seen] == ["Z", "?"]
    assert transcript.states[1] == (("seen", "?:::"),)


def test_the_state_tells_what_processes_share(simulator: Simulator) -> None:
    steps = (
        Step(0, "pipe2", (0,)),
        Step(0, "clone", (int(Signal.CHLD) | 0x200,)),  # CLONE_FS
        Step(1, "dup", (Held("pipe", 0),)),
    )
    played = simulator.play(Program("root", steps)).transcript
    assert played is not None
    one, other = map(dict, played.states)
    assert one["shares umask with"] == other["shares umask with"] == "1"
    assert (one["shares descriptors with"], other["shares descriptors with"]) == ("(0,)", "(1,)")

    def description(state: dict[str, str], fd: int) -> str:
        return state[f"fd {fd}"].rpartition("description ")[2]

    assert description(one, 4) == description(other, 4) == description(other, 5) != description(one, 3)


# -- a kernel that is wrong --


class Impostor:
    """Takes the part of the real kernel."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    def play(self, programs: Sequence[Program], hints: Sequence[Sequence[Outcome]]) -> list[Transcript | str]:
        played = map(self.simulator.play, programs)
        return [each.failure if each.transcript is None else each.transcript for each in played]


def comparer(real: Simulator, *without: Rule) -> Comparer:
    """Compares `real` with a simulated kernel that lacks some rows."""
    impostor = Impostor(real)
    return Comparer(Simulator(suspended=without), lean=impostor, network=impostor)  # type: ignore[arg-type]


def test_a_row_that_is_missing_is_noticed_and_the_comparison_goes_on(simulator: Simulator) -> None:
    program = Program("user", (Step(0, "setuid", (0,)), Step(0, "getuid"), Step(0, "setuid", (0,)), Step(0, "getpid")))
    tally = comparer(simulator, SETUID_UNPRIVILEGED).compare([program])
    shown = [(each.place, each.call, each.real) for each in tally.disagreements]
    assert shown == [(0, "setuid", "EPERM"), (2, "setuid", "EPERM")]
    assert (tally.compared["setuid"], tally.agreed["setuid"], tally.cut) == (2, 0, 0)
    assert tally.agreed["getuid"] == tally.agreed["getpid"] == tally.states == 1


def test_a_row_too_many_is_noticed_and_the_comparison_goes_on(simulator: Simulator) -> None:
    program = Program("user", (Step(0, "setuid", (0,)), Step(0, "geteuid"), Step(0, "getpid")))
    wrong = Simulator(suspended=(SETUID_UNPRIVILEGED,))
    tally = comparer(wrong).compare([program])
    assert [(each.place, each.real, each.fake) for each in tally.disagreements] == [(0, "None", "EPERM")]
    assert (tally.agreed["geteuid"], tally.states, tally.cut) == (1, 1, 0)


def test_what_is_noticed_is_shrunk_to_the_call_itself(simulator: Simulator) -> None:
    wrong = comparer(simulator, SETUID_UNPRIVILEGED)
    for block in blocks(2000, SEED):
        disagreements = wrong.compare(programs_of(block)).disagreements
        if disagreements:
            shortest = shrink(wrong, block, disagreements[0])
            assert [step.call for step in shortest.program.steps][-1] == "setuid"
            assert len(shortest.program.steps) <= 2
            return
    raise AssertionError("no program misses the row")


def test_where_nothing_can_be_corrected_the_comparison_ends_and_is_counted(simulator: Simulator) -> None:
    class Liar(Impostor):
        def play(self, programs: Sequence[Program], hints: Sequence[Sequence[Outcome]]) -> list[Transcript | str]:
            played = super().play(programs, hints)
            return [each if isinstance(each, str) else lying(each) for each in played]

    def lying(transcript: Transcript) -> Transcript:
        first, *rest = transcript.outcomes
        return Transcript((Outcome(first.agent, first.call, first.args, ((0, 77),), first.seen), *rest), transcript.states)

    liar = Liar(simulator)
    tally = Comparer(simulator, lean=liar, network=liar).compare(  # type: ignore[arg-type]
        [Program("root", (Step(0, "getuid"), Step(0, "getpid")))]
    )
    assert [(each.call, each.real, each.fake) for each in tally.disagreements] == [("getuid", "77", "0")]
    assert (tally.cut, tally.calls, tally.states) == (1, 1, 0)


# -- the printed program --


def test_a_printed_program_is_python_that_plays_it(tmp_path: Path) -> None:
    for number, program in enumerate(programs_of((5, 0, 8))):
        scope: dict[str, object] = {}
        exec(written(program), scope)
        assert scope["PROGRAM"] == program
        if not number:
            file = tmp_path / "program.py"
            file.write_text(written(program))
            shown = subprocess.run([sys.executable, file], capture_output=True, text=True, check=True, cwd=Path.cwd()).stdout
            assert program.steps[0].call in shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Step(1, "kill", (Agent(2, True), Signal.KILL)), "Step(1, 'kill', (Agent(2, True), 9))"),
        (Step(0, "open", (Entry(1, "ns/user"),)), "Step(0, 'open', (Entry(1, 'ns/user'),))"),
        (CapData(CapSet(), CapSet.from_mask(3), CapSet()),
         "CapData(effective=CapSet.from_mask(0x0), permitted=CapSet.from_mask(0x3), inheritable=CapSet.from_mask(0x0))"),
        (Limit(5), "Limit(soft=5)"),
        (frozenset((9, 1)), "frozenset((1, 9))"),
    ],
)  # fmt: skip
def test_values_are_printed_as_python(value: object, text: str) -> None:
    assert python(value) == text


# -- sequences --


def test_there_are_sixty_thousand_sequences_from_each_start() -> None:
    starts = {start for start, _, _ in units()}
    assert starts <= set(STARTS)
    paths = [path for start, prefix, depth in units() if start == "root" for path in order(prefix, depth)]
    assert len(set(paths)) > 64_000
    assert not [path for path in paths if any(EVERY[number][0] == "execve" for number in path[:-1])]


def test_a_walk_writes_a_digest_for_each_sequence() -> None:
    written = simulated("user", "walk", (0,), 2)
    assert len(written) == DIGEST * len(list(order((0,), 2)))
    assert simulated("user", "walk", (0,), 2) == written != simulated("root", "walk", (0,), 2)


def test_a_sequence_can_be_told_in_words() -> None:
    told = simulated("root", "tell", (0, 1), 2).decode().splitlines()
    assert re.match(r"None\t1000 1000 1000 1000; 0 0 0 0;", told[0])
    assert told[1].startswith("EPERM\t1000")


def test_a_row_is_confirmed_by_recordings_or_by_what_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Coverage("6.18", {}, (CLONE_EINTR,), {SETUID_UNPRIVILEGED: "no recorded case meets it"})
    monkeypatch.setattr(outcome, "coverage", lambda: known)
    assert outcome.rows_known(set()) == {"total": 2, "confirmed": 0, "excused": 1, "open": 1}
    assert outcome.rows_known({SETUID_UNPRIVILEGED.id}) == {"total": 2, "confirmed": 1, "excused": 1, "open": 0}
    assert outcome.rows_known({SETUID_UNPRIVILEGED.id, CLONE_EINTR.id}) == {"total": 2, "confirmed": 2, "excused": 0, "open": 0}
