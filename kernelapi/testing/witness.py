"""A program that says what it runs with, and one that waits for ever.

Busybox cannot: unless its real user is root, it gives up what set-id bits gave it, before it does anything. `WITNESS` is the
content of an executable file that writes /proc/self/status to its standard output, and behind it three bytes: its securebits,
its dumpable, its parent death signal. One file serves all kernels: Linux runs the code below; the simulated
kernel knows the program by the name "w" in the first sixteen bytes, of which Linux looks at four.
"""

import struct
from typing import NamedTuple

from kernelapi.capability import CapSet

_CODE = bytes.fromhex(
    "b802000000 488d3d70000000 31f6 31d2 0f05"  # open("/proc/self/status", O_RDONLY)
    "4881ec00100000 89c7 4889e6 ba00100000 31c0 0f05"  # read(that, buffer, 4096)
    "89c2 bf01000000 89f8 0f05"  # write(1, buffer, as much)
    "bf1b000000 b89d000000 0f05 880424"  # buffer[0] = prctl(PR_GET_SECUREBITS)
    "bf03000000 b89d000000 0f05 88442401"  # buffer[1] = prctl(PR_GET_DUMPABLE)
    "bf02000000 488d742402 b89d000000 0f05"  # prctl(PR_GET_PDEATHSIG, buffer + 2)
    "ba03000000 4889e6 bf01000000 89f8 0f05"  # write(1, buffer, 3)
    "31ff b8e7000000 0f05"  # exit_group(0)
)
_DATA = b"/proc/self/status\0"
_ADDRESS = 0x400000
_HEADERS = 64 + 56


_WAIT = bytes.fromhex("b822000000 0f05 ebf7")  # for ever: pause()


def _executable(name: bytes, content: bytes) -> bytes:
    size = _HEADERS + len(content)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF initflow %b\n" % name, 2, 62, 1, _ADDRESS + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _ADDRESS, _ADDRESS, size, size, 4096)
    return header + segment + content


WITNESS = _executable(b"w", _CODE + _DATA)
"""The file's content: an x86-64 ELF executable, without libraries."""

PAUSE = _executable(b"p", _WAIT)
"""Likewise, of a program that waits for ever: what exec has made of the process can be looked at from outside."""


class Testimony(NamedTuple):
    """What it says. Ids are real, effective, saved, filesystem."""

    uids: tuple[int, ...]
    gids: tuple[int, ...]
    permitted: CapSet
    effective: CapSet
    inheritable: CapSet
    bounding: CapSet
    ambient: CapSet
    no_new_privs: bool
    securebits: int
    dumpable: int
    pdeathsig: int


def testimony(output: bytes) -> Testimony:
    """What the program wrote. Raises `ValueError` or `KeyError` if that is something else."""
    fields = dict(line.split(":", 1) for line in output[:-3].decode().splitlines())

    def ids(name: str) -> tuple[int, ...]:
        return tuple(map(int, fields[name].split()))

    def caps(name: str) -> CapSet:
        return CapSet.from_mask(int(fields[name], 16))

    securebits, dumpable, pdeathsig = output[-3:]
    return Testimony(
        uids=ids("Uid"),
        gids=ids("Gid"),
        permitted=caps("CapPrm"),
        effective=caps("CapEff"),
        inheritable=caps("CapInh"),
        bounding=caps("CapBnd"),
        ambient=caps("CapAmb"),
        no_new_privs=fields["NoNewPrivs"].strip() == "1",
        securebits=securebits,
        dumpable=dumpable,
        pdeathsig=pdeathsig,
    )
