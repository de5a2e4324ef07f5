"""Comparing the kernels on programs.

What the real kernel does may depend on who is faster. So a disagreement counts only if the real kernel repeats itself. After
it, the simulated kernel is made to do what the real one did, and the comparison goes on; where it cannot be made to, it ends.
"""

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field

from initflow.conformance.program import Failed, Outcome, Program, Transcript, differing
from initflow.conformance.real import Player, speaks_netlink
from initflow.conformance.simulated import Correction, Simulation, Simulator
from kernelapi.errors import errno_name
from kernelapi.rules import ENVIRONMENT, Refusal

REPEATS = 4
"""So often the real kernel is asked again before a disagreement counts."""

MOST_CORRECTIONS = 10
"""After so many the comparison of a program ends."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A place where the kernels differ: the number of a step, or of steps where the states in the end do; what each says."""

    program: Program
    place: int
    call: str
    real: str
    fake: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it another than the next one: the call, or the field of the state, and the errors."""
        return (self.call, _kind(self.real), _kind(self.fake))


def _kind(answer: str) -> str:
    return answer if answer.isupper() or answer == "no answer" else "a value"


@dataclass(slots=True)
class Tally:
    """What has been compared."""

    programs: int = 0
    failed: int = 0  # calls that the real kernel refused
    states: int = 0  # states of processes
    compared: Counter[str] = field(default_factory=Counter)  # calls, by name
    agreed: Counter[str] = field(default_factory=Counter)
    confirmed: set[str] = field(default_factory=set)  # rows by which the simulated kernel refused what the real one did
    not_modelled: Counter[str] = field(default_factory=Counter)  # programs that ended early, by the reason
    racing: list[Program] = field(default_factory=list)  # on which the real kernel does not repeat itself
    cut: int = 0  # comparisons that ended at a disagreement
    broken: list[tuple[Program, str]] = field(default_factory=list)
    disagreements: list[Disagreement] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return self.compared.total()

    def add(self, other: "Tally") -> None:
        """Count what another has counted, too."""
        self.programs += other.programs
        self.failed += other.failed
        self.states += other.states
        self.compared.update(other.compared)
        self.agreed.update(other.agreed)
        self.confirmed |= other.confirmed
        self.not_modelled.update(other.not_modelled)
        self.racing += other.racing
        self.cut += other.cut
        self.broken += other.broken
        self.disagreements += other.disagreements


class Comparer:
    """Plays programs on both kernels."""

    def __init__(self, simulator: Simulator, *, lean: Player, network: Player) -> None:
        """`network` plays the programs that speak netlink, `lean` all others."""
        self.simulator = simulator
        self.lean = lean
        self.network = network

    def _really(self, program: Program, hints: Sequence[Outcome] = ()) -> Transcript | str:
        return (self.network if speaks_netlink(program) else self.lean).play([program], [hints])[0]

    def compare(self, programs: Sequence[Program]) -> Tally:
        """What comes of all of them. The caller must be root."""
        tally = Tally()
        played: list[tuple[Program, Simulation, Transcript]] = []
        for program in programs:
            simulation = self.simulator.play(program)
            if simulation.transcript is None:
                tally.programs += 1
                tally.broken.append((program, f"on the simulated kernel: {simulation.failure}"))
            else:
                played.append((program, simulation, simulation.transcript))
        played.sort(key=lambda each: speaks_netlink(each[0]))
        lean = sum(not speaks_netlink(program) for program, _, _ in played)
        answers: list[Transcript | str] = []
        for player, part in ((self.lean, played[:lean]), (self.network, played[lean:])):
            if part:
                answers += player.play([program for program, _, _ in part], [fake.outcomes for _, _, fake in part])
        for (program, simulation, fake), real in zip(played, answers, strict=True):
            tally.programs += 1
            if isinstance(real, str):
                tally.broken.append((program, f"on the real kernel: {real}"))
            elif first_difference(real, fake) is None:
                self._count(tally, real, simulation)
            elif self._is_repeated(program, real, fake):
                self._follow(tally, program, real, simulation)
            else:
                tally.racing.append(program)
        return tally

    def disagreements(self, program: Program) -> list[Disagreement]:
        """Where the kernels disagree on one program, if the real one is asked once."""
        tally = Tally()
        simulation = self.simulator.play(program)
        if simulation.transcript is not None:
            real = self._really(program, simulation.transcript.outcomes)
            if not isinstance(real, str):
                self._follow(tally, program, real, simulation)
        return tally.disagreements

    def _is_repeated(self, program: Program, real: Transcript, fake: Transcript) -> bool:
        """Whether the real kernel does the same again, whether or not it is told what to expect."""
        for hints in [fake.outcomes, ()] * (REPEATS // 2):
            again = self._really(program, hints)
            if isinstance(again, str) or first_difference(real, again) is not None:
                return False
        return True

    def _count(self, tally: Tally, real: Transcript, simulation: Simulation, wrong: Container[int] = ()) -> None:
        """Count what agrees: the steps but those that are `wrong`, up to where the kernels part, and the states."""
        fake = simulation.transcript
        assert fake is not None
        place = first_difference(real, fake)
        for number, outcome in enumerate(real.outcomes[:place]):
            if outcome.agent >= 0 and number not in wrong:
                tally.compared[outcome.call] += 1
                tally.agreed[outcome.call] += 1
                tally.failed += outcome.failed
                row = simulation.rows.get(number)
                if outcome.failed and row is not None:
                    tally.confirmed.add(row.id)
        if place is None:
            tally.states += len(real.states)
            if (last := fake.outcomes[-1]).unanswerable is not None:
                tally.not_modelled[last.unanswerable.reason] += 1

    def _follow(self, tally: Tally, program: Program, real: Transcript, simulation: Simulation) -> None:
        """Count a program on which the kernels disagree: go on from each of the real kernel's answers."""
        corrections: dict[int, Correction] = {}
        while (fake := simulation.transcript) is not None and (place := first_difference(real, fake)) is not None:
            if place < len(real.outcomes):
                if place not in corrections:
                    tally.disagreements.append(_at(program, place, real.outcomes[place], fake.outcomes[place]))
                    tally.compared[real.outcomes[place].call] += 1
                    tally.failed += real.outcomes[place].failed
                before = corrections.get(place)
                row = simulation.rows.get(place)
                correction = _correction(real.outcomes[place], fake.outcomes[place], row, before)
                if correction is None or len(corrections) == MOST_CORRECTIONS:
                    tally.cut += 1
                    break
                corrections[place] = correction
                simulation = self.simulator.play(program, corrections)
                continue
            tally.disagreements.extend(_in_the_end(program, real, fake))
            break
        if simulation.transcript is not None:
            self._count(tally, real, simulation, corrections)


def first_difference(one: Transcript, other: Transcript) -> int | None:
    """The number of the first step of which the kernels make something different; that of steps where the states are."""
    for place, (mine, theirs) in enumerate(zip(one.outcomes, other.outcomes, strict=False)):
        if mine.unanswerable or theirs.unanswerable:
            return None
        if not mine.agrees(theirs):
            return place
    is_cut = not (one.states and other.states)  # at a call that one does not model
    return None if is_cut or one.states == other.states else len(one.outcomes)


def _at(program: Program, place: int, real: Outcome, fake: Outcome) -> Disagreement:
    if (real.agent, real.args) != (fake.agent, fake.args):
        return Disagreement(program, place, f"{real.call} arguments", f"{real.agent} {real.args}", f"{fake.agent} {fake.args}")
    if real.answers == fake.answers:
        return Disagreement(program, place, f"{real.call} seen", repr(real.seen), repr(fake.seen))
    own = [next((repr(answer) for who, answer in each.answers if who == real.agent), "no answer") for each in (real, fake)]
    if own[0] == own[1]:
        return Disagreement(program, place, f"{real.call} answers", repr(real.answers), repr(fake.answers))
    return Disagreement(program, place, real.call, *own)


def _in_the_end(program: Program, real: Transcript, fake: Transcript) -> Iterator[Disagreement]:
    for agent, (mine, theirs) in enumerate(zip(real.states, fake.states, strict=False)):
        for name, one, other in differing(mine, theirs):
            yield Disagreement(program, len(program.steps), f"state: {name}", f"@{agent} {one}", f"@{agent} {other}")


def _correction(real: Outcome, fake: Outcome, row: Refusal | None, before: Correction | None) -> Correction | None:
    """What makes the simulated kernel do what the real one did; None where nothing can."""
    if (real.agent, real.args) != (fake.agent, fake.args) or (before is not None and before.failure is not None):
        return None
    mine, theirs = dict(real.answers).get(real.agent), dict(fake.answers).get(fake.agent)
    if isinstance(mine, Failed):
        return Correction(failure=_Forced(mine.errno, real.call))
    suspended = before.suspended if before is not None else ()
    if isinstance(theirs, Failed) and row is not None and row not in suspended:
        return Correction(suspended=(*suspended, row))
    return None


class _Forced(Refusal):
    """A refusal that follows no rule."""

    def __init__(self, errno: int, call: str) -> None:
        super().__init__(
            f"{call}.{errno_name(errno).lower()}.forced", call=call, errno=errno, depends=ENVIRONMENT,
            cause="the real kernel refused", source="none",
        )  # fmt: skip

    def __post_init__(self) -> None:
        pass

