"""Laws of host and domain names."""

from errno import EINVAL, EPERM

from kernelapi.flags import CloneFlag
from kernelapi.ids import Uid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, refused


def rename(kernel: Kernel, name: str) -> str:
    """Names the host; what it is called then."""
    kernel.sethostname(name)
    return kernel.uname().nodename


def names(kernel: Kernel) -> tuple[str, str]:
    answer = kernel.uname()
    return answer.nodename, answer.domainname


@case
def uname_says_linux(kernel: Kernel) -> None:
    answer = kernel.uname()
    expect("the system", answer.sysname, "Linux")
    expect("whether the release begins with a number", answer.release.split(".")[0].isdigit(), True)
    expect("whether there are version and machine", bool(answer.version and answer.machine), True)


@case
def names_are_shown_as_they_were_set(kernel: Kernel) -> None:
    kernel.sethostname("alpha")
    kernel.setdomainname("example.org")
    expect("the names", names(kernel), ("alpha", "example.org"))
    kernel.sethostname("")
    expect("the names", names(kernel), ("", "example.org"))


@case
def a_host_name_has_at_most_64_bytes(kernel: Kernel) -> None:
    kernel.sethostname("h" * 64)
    refused(EINVAL, kernel.sethostname, "i" * 65)
    refused(EINVAL, kernel.sethostname, "ä" * 33)
    refused(EINVAL, kernel.sethostname, "j" * 100_000)
    expect("the name", kernel.uname().nodename, "h" * 64)


@case
def a_domain_name_has_at_most_64_bytes(kernel: Kernel) -> None:
    kernel.setdomainname("d" * 64)
    refused(EINVAL, kernel.setdomainname, "e" * 65)
    expect("the name", kernel.uname().domainname, "d" * 64)


@case
def a_name_may_hold_any_bytes_and_ends_before_a_nul(kernel: Kernel) -> None:
    for name, shown in (("ä\n /", "ä\n /"), ("raw\udcff\udc80", "raw\udcff\udc80"), ("ab\0cd", "ab"), ("\0x", "")):
        kernel.sethostname(name)
        kernel.setdomainname(name)
        expect(f"what {name!r} reads as", names(kernel), (shown, shown))


@case
def a_shorter_name_leaves_nothing_of_the_longer_one(kernel: Kernel) -> None:
    kernel.sethostname("a-long-name")
    kernel.sethostname("b")
    expect("the name", kernel.uname().nodename, "b")


@case
def naming_needs_a_capability_before_a_valid_name(kernel: Kernel) -> None:
    kernel.setuid(Uid(1000))
    for name in ("x", "x" * 65):
        refused(EPERM, kernel.sethostname, name)
        refused(EPERM, kernel.setdomainname, name)


@case
def a_name_is_shared_by_all_of_a_uts_namespace(kernel: Kernel) -> None:
    kernel.sethostname("before")
    expect("what the child says", in_child(kernel, rename, "after"), "after")
    expect("what the parent says", kernel.uname().nodename, "after")


@case
def a_new_uts_namespace_begins_with_a_copy(kernel: Kernel) -> None:
    kernel.sethostname("outside")
    kernel.setdomainname("domain")
    expect("the child's", in_child(kernel, names, flags=CloneFlag.NEWUTS), ("outside", "domain"))
    expect("the child's own", in_child(kernel, rename, "inside", flags=CloneFlag.NEWUTS), "inside")
    expect("the parent's", names(kernel), ("outside", "domain"))
    kernel.unshare(CloneFlag.NEWUTS)
    expect("those after unshare", names(kernel), ("outside", "domain"))


@case
def the_capability_counts_over_the_owner_of_the_uts_namespace(kernel: Kernel) -> None:
    expect("a new user namespace alone", in_child(kernel, naming_fails, flags=CloneFlag.NEWUSER), EPERM)
    both = CloneFlag.NEWUSER | CloneFlag.NEWUTS
    expect("together with a new uts namespace", in_child(kernel, naming_fails, flags=both), 0)


def naming_fails(kernel: Kernel) -> int:
    return errno_of(kernel.sethostname, "mine")
