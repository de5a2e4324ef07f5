"""The answers of real kernels to the cases, kept in files: so any kernel is compared with them where there is no root.

`answers/6.18/pipes.txt` has what Linux 6.18 answered in the cases of pipes, as `kernelapi.testing.transcript` tells it: the
name of a case, that of a process, its lines. To add a kernel, or to record again after a change of the cases, as root on that
kernel:

    python -m kernelapi.testing.golden [NOUN...]
"""

import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from kernelapi.recorder import SharedLog
from kernelapi.releases import release_of
from kernelapi.testing.case import Case, Report
from kernelapi.testing.cases import all_cases
from kernelapi.testing.transcript import Transcript, recorded, transcript

ANSWERS = Path(__file__).with_name("answers")
"""A directory for each release, and in it a file for each noun."""

HOW = "as root on that kernel, `python -m kernelapi.testing.golden` records it"


class NotRecorded(LookupError):
    """There is no recording of this release, or none of this case; the message says how to make it."""


def releases() -> tuple[str, ...]:
    """Of which kernels there are recordings, the oldest first."""
    names = (path.name for path in ANSWERS.iterdir() if path.is_dir()) if ANSWERS.is_dir() else ()
    return tuple(sorted(names, key=lambda name: tuple(map(int, name.split(".")))))


def load(release: str) -> Mapping[str, Transcript | str]:
    """The recording of each case, by its name; a sentence where the host could not play it. Raises `NotRecorded`."""
    if release not in releases():
        raise NotRecorded(f"of Linux {release} there is no recording: {HOW}")
    found: dict[str, Transcript | str] = {}
    for path in sorted((ANSWERS / release).glob("*.txt")):
        found.update(parse(path.read_text("utf-8")))
    return found


def parse(text: str) -> Iterator[tuple[str, Transcript | str]]:
    """What a file says of each of its cases."""
    for part in text.split("\n## ")[1:]:
        name, *lines = part.rstrip("\n").split("\n")
        if lines and lines[0].startswith(NOT_PLAYED):
            yield name, lines[0]
            continue
        processes: dict[str, list[str]] = {}
        told: list[str] = []
        for line in lines:
            if line.startswith("["):
                told = processes[line[1:-1]] = []
            else:
                told.append(line)
        yield name, Transcript({process: tuple(lines) for process, lines in processes.items()})


NOT_PLAYED = "not played: "


def written(release: str, noun: str, found: Mapping[str, Transcript | str]) -> str:
    """The file of a noun."""
    lines = [f"What Linux {release} answered in the cases of {noun}: see kernelapi/testing/golden.py."]
    for name, told in found.items():
        lines += ["", f"## {name}"]
        if isinstance(told, str):
            lines.append(told)
            continue
        for process, asked in told.lines.items():
            lines += [f"[{process}]", *asked]
    return "\n".join(lines) + "\n"


def play(case: Case, run: Callable[[Case], Report]) -> Transcript | str:
    """Play a case on a kernel whose processes share no memory; a sentence where the host cannot play it."""
    log = SharedLog()
    report = run(recorded(case, log))
    if report.lacking:
        return f"{NOT_PLAYED}needs {report.lacking}"
    return transcript(case, log.events(), report)


def record(nouns: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
    """Play the cases of the nouns, by default of all, on this kernel, and write what it answered. Yields each case that is not
    kept, and why: it failed, or it was not answered twice in the same way."""
    from kernelapi.testing import linux

    release = release_of(platform.release())
    directory = ANSWERS / release
    directory.mkdir(parents=True, exist_ok=True)
    chosen = set(nouns)
    by_noun: dict[str, dict[str, Transcript | str]] = {}
    for case in all_cases():
        if chosen and case.noun not in chosen:
            continue
        found = by_noun.setdefault(case.noun, {})
        first, again = play(case, linux.run), play(case, linux.run)
        if isinstance(first, str) or isinstance(again, str):
            found[case.name] = first
        elif first.failure:
            yield case.name, first.failure
        elif difference := first.difference(again):
            yield case.name, f"its answers are a race: {difference}"
        else:
            found[case.name] = first
    for noun, found in by_noun.items():
        (directory / f"{noun}.txt").write_text(written(release, noun, found), "utf-8")


def main(nouns: list[str]) -> int:
    """The command. Status 1 where a case could not be recorded."""
    known = {case.noun for case in all_cases()}
    for noun in nouns:
        if noun not in known:
            print(f"{noun}: there is no such noun of cases; there are {', '.join(sorted(known))}", file=sys.stderr)
            return 2
    failed = list(record(nouns))
    for name, reason in failed:
        print(f"{name}: not recorded: {reason}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
