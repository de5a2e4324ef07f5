"""What a case asked a kernel and what that answered, as lines that can be kept, read and compared.

A transcript has the lines of each process by itself, in the notation of strace: nobody knows which of two processes was
faster. One whose last line is no `= ?` was ended from outside, sooner or later, and of such a one only that is compared which
both sides have. What is a race even so, or tells of the host and not of the law, has no place in it: the tables below say what
is left out, and why.
"""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from errno import EAGAIN
from typing import Any

from kernelapi.call import Call
from kernelapi.errors import errno_name
from kernelapi.event import NO_RETURN, Event
from kernelapi.kernel import Kernel
from kernelapi.notation import render_answer, render_call
from kernelapi.recorder import Sink, record
from kernelapi.spelling import listed
from kernelapi.testing.case import Case, Report
from kernelapi.testing.hierarchies import NAMES
from kernelapi.testing.telling import ANYTHING, NUMBERED, listing, netlink, report_of, text_of, told
from kernelapi.values import Message, NetlinkAddress, NetlinkMessage, Stat, Utsname

NEVER_THE_SAME: Mapping[str, str] = {
    "clock_gettime": "time goes on",
    "getrandom": "it is random",
}
"""Calls whose answers say nothing, and why."""

OF_THE_HOST: Mapping[str, tuple[str, str]] = {
    "devices_do_what_their_numbers_say": ("read", "two of the devices are random"),
    "there_are_sixteen_resources": ("getrlimit", "some are in proportion to the memory"),
    "parameters_tell_of_the_kernel": ("read", "the release and version of the kernel"),
    "the_control_group_of_version_2_is_the_last_line": ("read", "the control groups of the host"),
    "a_file_of_proc_has_no_size_and_is_read_on": ("read", "the limits of the host"),
    "a_user_may_look_into_its_own_dumpable_process": (
        "getdents64 read readlink",
        "how far the other process is, and the program and environment of whoever plays the case",
    ),
    "a_user_may_not_look_into_its_own_process_that_is_not_dumpable": ("read readlink", "the program of whoever plays the case"),
    "ps_lists_the_processes_of_this_proc": ("read", "busybox has a table of its own making"),
    "ps_as_process_1_sees_only_itself": ("read", "busybox has a table of its own making"),
    "variables_reach_programs_when_they_are_exported": ("read", "the shell of busybox adds variables of its own"),
    "a_trap_of_nothing_ignores_for_the_children_too": ("read", "the shell of busybox ignores further signals"),
    "the_start_time_does_not_change": ("read", "whether the other process has come to rest"),
    "a_listing_goes_on_where_it_stood_and_can_be_rewound": ("getdents64", "the order of names is the file system's affair"),
    "devices_are_opened_and_made_as_the_rules_say": ("read", "the control groups of the host"),
    "a_frozen_process_does_nothing": ("read", "how often the other process has ticked"),
    "a_frozen_process_does_nothing_in_the_unified_hierarchy": ("read", "how often the other process has ticked"),
    "securityfs_is_one_for_all": ("read", "the security modules of the host"),
    "fdinfo_tells_position_and_flags": ("read", "numbers of mounts and inodes"),
    "fdinfo_has_no_size_and_tells_of_a_pipe_how_it_was_opened": ("read", "numbers of mounts and inodes"),
    "uptime_is_the_time_since_boot": ("read", "the time"),
    "a_terminal_that_nobody_reads_is_full_at_last": ("write", "how much goes into a terminal depends on who is faster"),
}
"""By case: the calls whose answers are not told, and why."""

ARGUMENTS_OF_THE_HOST: Mapping[str, tuple[str, str]] = {
    "a_time_namespace_may_be_ahead": ("clone clock_nanosleep", "it tells its children the time"),
    "a_new_mount_namespace_is_a_copy_that_goes_its_own_way": ("clone", "numbers of mounts"),
    "a_listing_goes_on_where_it_stood_and_can_be_rewound": ("rmdir", "the order of names is the file system's affair"),
}
"""By case: the calls whose arguments are not told, and why."""

FIRST = "1"
"""The process that the case is."""

WIDTH = 60
"""Longer arguments are cut: the case says the rest."""

WHOLE = 65536
"""Who reads so much reads to the end: how much a pipe gives at a time is a race."""

POLL = 12
"""As many calls at most does a loop make that waits for something, before it sleeps."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """The lines of each process, "1" first; and what was wrong in the eyes of the case, if anything was."""

    lines: Mapping[str, tuple[str, ...]]
    failure: str = ""

    def difference(self, other: "Transcript") -> str:
        """Where `other` is different, in a few lines; empty where it is not. A process that was ended from outside counts as
        far as both have got."""
        for process in sorted({*self.lines, *other.lines}, key=_order):
            ours, theirs = self.lines.get(process, ()), other.lines.get(process, ())
            if not (_ends(process, ours) and _ends(process, theirs)):
                common = min(len(ours), len(theirs))
                ours, theirs = _so_far(ours[:common]), _so_far(theirs[:common])
            for one, another in zip(ours, theirs):  # noqa: B905  (where one goes on, it is seen below)
                if one != another:
                    return f"process {process}: {one}\n  but there: {another}"
            if len(ours) != len(theirs):
                longer, where = (ours, "here") if len(ours) > len(theirs) else (theirs, "there")
                return f"process {process}: {longer[min(len(ours), len(theirs))]}\n  only {where}"
        if self.failure != other.failure:
            return f"the case: {self.failure or 'passed'}\n  but there: {other.failure or 'passed'}"
        return ""


def _ends(process: str, lines: tuple[str, ...]) -> bool:
    """Whether a process has ended by itself, as the first one does: that one has said whether the case passed."""
    return process == FIRST or (bool(lines) and lines[-1].endswith("= ?"))


def _so_far(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Lines that may go on: the last call may be answered once more in the same way."""
    return (*lines[:-1], re.sub(r" \(\d+ times\)$", "", lines[-1])) if lines else ()


def _order(process: str) -> tuple[int, ...]:
    return tuple(map(int, process.split(".")))


def recorded(case: Case, sink: Sink) -> Case:
    """The same case, whose calls, and those of its children, are told to `sink`."""

    @functools.wraps(case.law)
    def law(kernel: Kernel) -> None:
        case.law(record(kernel, sink))

    return replace(case, law=law)


# -- from events to lines --


@dataclass(slots=True)
class _Asked:
    """A call, what it was asked, and what came of it."""

    call: str
    words: str
    answer: str
    text: bytes | None = None  # what it has read, if it reads to the end
    names: list[str] | None = None  # what it has listed
    times: int = 1

    @property
    def line(self) -> str:
        return f"{self.call}({self.words}) = {self.answer}" + (f" ({self.times} times)" if self.times > 1 else "")


def asked(case: Case, events: Iterable[Event]) -> Mapping[str, list[tuple[str, str]]]:
    """Call by call what each process asked, and what it was answered: nothing is joined or folded."""
    found: dict[str, list[tuple[str, str]]] = {}
    teller = _Teller(case)
    for event in events:
        each = teller.asked(event)
        answer = repr((each.answer, each.text, each.names))
        found.setdefault(event.process, []).append((f"{each.call}({each.words})", answer))
    return found


def transcript(case: Case, events: Iterable[Event], report: Report) -> Transcript:
    """What came of a case: from the events that a sink of `recorded` was told."""
    per_process: dict[str, list[Event]] = {}
    for event in events:
        per_process.setdefault(event.process, []).append(event)
    teller = _Teller(case)
    lines = {process: tuple(teller.lines(per_process[process])) for process in sorted(per_process, key=_order)}
    return Transcript(lines, report.failure)


class _Teller:
    """Tells the lines of a process."""

    def __init__(self, case: Case) -> None:
        self.silent = frozenset((*NEVER_THE_SAME, *OF_THE_HOST.get(case.name, ("", ""))[0].split()))
        self.secret = frozenset(ARGUMENTS_OF_THE_HOST.get(case.name, ("", ""))[0].split())

    def lines(self, events: Iterable[Event]) -> Iterator[str]:
        asked = list(_idiomatic(_without_polls(_joined([self.asked(event) for event in events]))))
        seen: dict[str, int] = {}
        for each in _folded(asked):
            line = NUMBERED.sub(lambda found: _numbered(found, seen), each.line)
            yield NAMES.sub("initflow-test", line)

    def asked(self, event: Event) -> _Asked:
        call, result = event.call, event.result
        words = ANYTHING if call.name in self.secret else _words(call, event.args)
        if event.errno and not (event.errno == EAGAIN and call.name in self.silent):
            return _Asked(call.name, words, f"-1 {errno_name(event.errno)}")
        if call.name == "write" and (reported := report_of(event.args[1])):
            return _Asked(call.name, f"{event.args[0]}, {reported}", "all" if result == len(event.args[1]) else str(result))
        if call.name in self.silent:
            return _Asked(call.name, words, ANYTHING)
        if call.name == "read" and event.args[1] == WHOLE:
            return _Asked(call.name, words, "", text=result)
        if call.name == "recvmsg" and not isinstance(result.data, bytes):
            return _Asked(call.name, words, "", names=[told(message) for message in result.data])
        if call.name == "getdents64":
            return _Asked(call.name, words, "", names=[entry.name for entry in result])
        return _Asked(call.name, words, _answer(event))


def _words(call: Call, args: tuple[Any, ...]) -> str:
    """The arguments of a call: cut where they are long."""
    match call.name, args:
        case "sendmsg", (fd, NetlinkMessage() as message, *_):
            words = f"{fd}, {netlink(message)}"
        case "write", (fd, bytes() as data) if not data.isascii():
            words = f"{fd}, <{len(data)} bytes>"
        case _:
            words = NAMES.sub("initflow-test", render_call(call, args)[len(call.name) + 1 : -1])
    return words if len(words) <= WIDTH else f"{words[:WIDTH]}..."


def _answer(event: Event) -> str:
    result = event.result
    if result is None or result is NO_RETURN:
        return render_answer(event)
    if isinstance(result, bytes | str | Message | Stat | Utsname | NetlinkAddress):
        return told(result)
    return _SHORTER.sub(lambda found: "exited " if found["exited"] else "killed ", render_answer(event))


_SHORTER = re.compile(r"WIF(?:(?P<exited>EXITED)|SIGNALED)\(s\) && W(?:EXITSTATUS|TERMSIG)\(s\) == ")


def _numbered(found: re.Match[str], seen: dict[str, int]) -> str:
    """`mnt:[4026531832]` by the order in which the process saw them."""
    return f"{found[1]}:[#{seen.setdefault(found[0], len(seen) + 1)}]"


def _joined(asked: list[_Asked]) -> list[_Asked]:
    """What was read to the end, or listed, as one call; its answer is told then."""
    found: list[_Asked] = []
    for each in asked:
        last = found[-1] if found else None
        if last is not None and (last.call, last.words) == (each.call, each.words):
            if last.text is not None and each.text is not None:
                last.text += each.text
                continue
            if last.names is not None and each.names is not None:
                last.names += each.names
                continue
        found.append(each)
    for each in found:
        if each.text is not None:
            each.answer = report_of(each.text) or text_of(each.text.decode("latin-1"))
        elif each.names is not None:
            each.answer = listing(each.names) if each.call == "getdents64" else listed(each.names, str)
    return found


def _without_polls(asked: list[_Asked]) -> list[_Asked]:
    """Of a loop that waits for something, the last turn: how often it went round is a race."""
    questions = [(each.call, each.words) for each in asked]
    kept: list[int] = []
    for index, each in enumerate(asked):
        if each.call == "clock_nanosleep":
            for turn in range(1, POLL):
                start = len(kept) - turn
                again = questions[index + 1 : index + 1 + turn]
                if start >= 0 and [questions[place] for place in kept[start:]] == again:
                    del kept[start:]
                    break
            else:
                kept.append(index)
        else:
            kept.append(index)
    return [asked[index] for index in kept]


@dataclass(frozen=True, slots=True)
class _Idiom:
    """Calls that a function of the suite makes one after the other, and that go well: told as one."""

    call: str
    length: int
    lines: re.Pattern[str]


IDIOMS = (
    _Idiom(  # kernelapi.testing.case.in_child
        "in_child",
        6,
        re.compile(
            r"pipe2\(0\) = \[(?P<reader>\d+), (?P<writer>\d+)\]\n"
            r"clone\((?P<words>.*)\) = (?P<pid>\d+)\n"
            r"close\((?P=writer)\) = 0\n"
            r"read\((?P=reader), \d+\) = (?P<answer><report.*>)\n"
            r"close\((?P=reader)\) = 0\n"
            r"wait4\((?P=pid), 0\) = \[(?P=pid), {exited 0}\]"
        ),
    ),
    _Idiom(  # the end of such a child
        "report",
        2,
        re.compile(r"write\((?P<words>\d+, <report.*>)\) = all\nexit_group\(0\) = (?P<answer>\?)"),
    ),
    _Idiom(  # kernelapi.testing.network: a request and its answer
        "request",
        5,
        re.compile(
            r"socket\(AF_NETLINK, SOCK_RAW, 0\) = (?P<fd>\d+)\n"
            r"sendmsg\((?P=fd), (?P<words>.*)\) = \d+\n"
            r"recvmsg\((?P=fd), \d+, MSG_DONTWAIT\) = (?P<answer>\[.*\])\n"
            r"recvmsg\((?P=fd), \d+, MSG_DONTWAIT\) = -1 EAGAIN\n"
            r"close\((?P=fd)\) = 0"
        ),
    ),
)


def _idiomatic(asked: list[_Asked]) -> Iterator[_Asked]:
    """The calls, those of each of IDIOMS as one."""
    index = 0
    while index < len(asked):
        for idiom in IDIOMS:
            found = idiom.lines.fullmatch("\n".join(each.line for each in asked[index : index + idiom.length]))
            if found is not None:
                yield _Asked(idiom.call, found["words"], found["answer"])
                index += idiom.length
                break
        else:
            yield asked[index]
            index += 1


def _folded(asked: Iterable[_Asked]) -> Iterator[_Asked]:
    """A call that is answered again and again in the same way, as one line: with what, the case says."""
    last: _Asked | None = None
    for each in asked:
        if last is not None and (last.call, last.answer) == (each.call, each.answer) and each.answer != "?":
            last.times += each.answer != ANYTHING
            continue
        if last is not None:
            yield last
        last = each
    if last is not None:
        yield last
