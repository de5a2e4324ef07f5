"""A refusal is to the program that meets it the `OSError` that the real kernel's errno would be."""

import errno
import pickle

import pytest

from fakekernel import subject
from kernelapi.errors import Refused
from kernelapi.kernel import Kernel
from kernelapi.rules import Refusal, rules
from kernelapi.testing import Case, linux

REFUSALS = [row for row in rules() if isinstance(row, Refusal)]


def test_each_row_raises_what_python_makes_of_its_errno() -> None:
    for row in REFUSALS:
        refused = Refused(row)
        assert isinstance(refused, type(OSError(row.errno, ""))), row.id
        assert (refused.errno, refused.row) == (row.errno, row)
        assert str(refused) == str(OSError(row.errno, refused.strerror))


def test_it_can_be_sent_to_another_process() -> None:
    for row in REFUSALS:
        again = pickle.loads(pickle.dumps(Refused(row)))
        assert (type(again), again.errno, again.row.id) == (type(Refused(row)), row.errno, row.id)


def catch_by_kind(kernel: Kernel) -> list[str]:
    caught = []
    for call, *args in (("chdir", "/nowhere"), ("wait4", -1), ("kill", 999_999, 0), ("mkdir", "/", 0), ("close", 99)):
        try:
            getattr(kernel, call)(*args)
        except FileNotFoundError:
            caught.append("FileNotFoundError")
        except ChildProcessError:
            caught.append("ChildProcessError")
        except ProcessLookupError:
            caught.append("ProcessLookupError")
        except FileExistsError:
            caught.append("FileExistsError")
        except OSError as error:
            caught.append(errno.errorcode[error.errno or 0])
    return caught


@pytest.mark.parametrize("run", [subject.run, pytest.param(linux.run, marks=pytest.mark.privileged)], ids=["simulated", "real"])
def test_a_program_catches_the_same_on_both_kernels(run: object) -> None:
    report = run(Case(catch_by_kind))  # type: ignore[operator]
    assert report.value == ["FileNotFoundError", "ChildProcessError", "ProcessLookupError", "FileExistsError", "EBADF"]
