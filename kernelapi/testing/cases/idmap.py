"""Laws of the files uid_map, gid_map and setgroups: who may write what, and what reading them shows."""

from errno import EACCES, EINVAL, EPERM

from kernelapi.capability import Cap
from kernelapi.flags import CloneFlag, OpenFlag, Signal
from kernelapi.ids import Fd, Pid
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, errno_of, expect, in_child, refused
from kernelapi.testing.cases.namespaces import Held, hold, let_go, open_namespace
from kernelapi.testing.cases.userns import NEWUSER, become, drop, get, map_of, map_self, put, table, write_map

# -- id maps: what is written, and read --


@case(tree=True)
def a_process_may_map_its_own_ids(kernel: Kernel) -> None:
    become(kernel, 1000)
    kernel.unshare(NEWUSER)
    map_self(kernel, 0, 5, outside=(1000, 1000))
    expect("the user ids", kernel.getresuid(), (0, 0, 0))
    expect("the group ids", kernel.getresgid(), (5, 5, 5))
    expect("the uid map", get(kernel, "/proc/self/uid_map"), table((0, 1000, 1)))
    expect("the gid map", get(kernel, "/proc/self/gid_map"), table((5, 1000, 1)))


@case(tree=True)
def the_parent_may_map_what_it_likes(kernel: Kernel) -> None:
    held = hold(kernel, NEWUSER)
    expect("the map before", map_of(kernel, held), "")
    text = "0 100000 65536\n65536 5 2\n100000 200000 4094767296\n"
    write_map(kernel, held, text)
    write_map(kernel, held, text, "gid_map")
    lines = ((0, 100000, 65536), (65536, 5, 2), (100000, 200000, 4094767296))
    expect("the uid map", map_of(kernel, held), table(*lines))
    expect("the gid map", map_of(kernel, held, "gid_map"), table(*lines))
    expect("setgroups", map_of(kernel, held, "setgroups"), "allow\n")
    let_go(kernel, held)


@case(tree=True)
def a_map_is_kept_in_the_order_of_its_lines_up_to_five_of_them(kernel: Kernel) -> None:
    for count in (5, 6):
        held = hold(kernel, NEWUSER)
        lines = [(10 * i, 1000 + i, 1) for i in reversed(range(count))]
        write_map(kernel, held, "".join(f"{first} {lower} {length}\n" for first, lower, length in lines))
        expect(f"a map of {count}", map_of(kernel, held), table(*(lines if count == 5 else sorted(lines))))
        let_go(kernel, held)


def nested_maps(kernel: Kernel, fd: Fd, outer: Pid) -> tuple[str, str, str]:
    """Enters the namespace, makes one below it; that one's map as seen from here, the own map, that one's from inside."""
    kernel.setns(fd, 0)
    held = hold(kernel, NEWUSER)
    write_map(kernel, held, "20 1 2")
    inside = in_child(kernel, map_seen_from_inside, open_namespace(kernel, "user", held.pid), held.pid)
    answer = map_of(kernel, held), get(kernel, f"/proc/{outer}/uid_map"), inside
    let_go(kernel, held)
    return answer


def map_seen_from_inside(kernel: Kernel, fd: Fd, pid: Pid) -> str:
    kernel.setns(fd, 0)
    return get(kernel, f"/proc/{pid}/uid_map")


@case(tree=True)
def a_map_shows_outside_ids_as_its_reader_sees_them(kernel: Kernel) -> None:
    held = hold(kernel, NEWUSER)
    write_map(kernel, held, "0 0 1\n1 5001 9")
    write_map(kernel, held, "0 0 1", "gid_map")
    fd = open_namespace(kernel, "user", held.pid)
    from_middle = in_child(kernel, nested_maps, fd, held.pid)
    expect("the maps", from_middle, (table((20, 1, 2)), table((0, 0, 1), (1, 5001, 9)), table((20, 1, 2))))
    reader = in_child(kernel, map_from_sibling, held.pid, flags=NEWUSER)
    expect("from a namespace that maps nothing", reader, table((0, 2**32 - 1, 1), (1, 2**32 - 1, 9)))
    let_go(kernel, held)


def map_from_sibling(kernel: Kernel, pid: Pid) -> str:
    return get(kernel, f"/proc/{pid}/uid_map")


# -- id maps: refusals, in the order of the checks --


@case(tree=True)
def the_maps_of_the_own_namespace_are_not_written_again(kernel: Kernel) -> None:
    for file in ("uid_map", "gid_map"):
        refused(EPERM, put, kernel, f"/proc/self/{file}", "0 0 1")
        refused(EPERM, put, kernel, f"/proc/self/{file}", "nonsense")


def nest(kernel: Kernel, report: Fd, wait: Fd) -> None:
    """Maps itself, makes a namespace below, reports who is in it, and waits."""
    map_self(kernel)
    held = hold(kernel, NEWUSER)
    kernel.write(report, str(held.pid).encode())
    kernel.read(wait, 1)
    let_go(kernel, held)


@case(tree=True)
def a_map_is_written_from_inside_or_from_the_parent(kernel: Kernel) -> None:
    reader, report = kernel.pipe()
    wait, go = kernel.pipe()
    child = kernel.clone(NEWUSER | Signal.CHLD, nest, report, wait)
    grandchild = int(kernel.read(reader, 10))
    refused(EPERM, put, kernel, f"/proc/{grandchild}/uid_map", "0 0 1")
    refused(EPERM, put, kernel, f"/proc/{grandchild}/uid_map", "nonsense")
    kernel.write(go, b"!")
    kernel.wait4(child)


@case(tree=True)
def a_map_is_written_at_once(kernel: Kernel) -> None:
    held = hold(kernel, NEWUSER)
    refused(EINVAL, write_map, kernel, held, "0 0 1" + " " * 4091)
    fd = kernel.open(f"/proc/{held.pid}/uid_map", OpenFlag.RDWR)
    kernel.write(fd, ("0 0 1" + " " * 4090).encode())
    refused(EINVAL, kernel.write, fd, b"1 1 1")
    refused(EPERM, write_map, kernel, held, "1 1 1")
    refused(EPERM, write_map, kernel, held, "nonsense")
    refused(EINVAL, write_map, kernel, held, " " * 4096)
    let_go(kernel, held)


def map_unprivileged(kernel: Kernel, held: Held) -> list[int]:
    drop(kernel, *(cap for cap in Cap if cap != Cap.DAC_OVERRIDE))
    return [errno_of(write_map, kernel, held, text) for text in ("0 1000 1", "nonsense", " " * 4096)]


@case(tree=True)
def who_opens_a_map_for_writing_needs_cap_sys_admin_over_the_namespace(kernel: Kernel) -> None:
    held = hold(kernel, uid=1000, unshare=NEWUSER)
    expect("the errnos", in_child(kernel, map_unprivileged, held), [EPERM, EPERM, EINVAL])
    let_go(kernel, held)


BAD_MAPS = {
    "": "nothing",
    "\n": "an empty line",
    "0 0": "two numbers",
    "0 0 1 1": "four numbers",
    "0 0 1x": "a letter",
    "-1 0 1": "a sign",
    "0x0 0 1": "a prefix",
    "0,0,1": "commas",
    "0 0 1\n\n": "an empty line at the end",
    "0 0 1\n\n1 1 1": "an empty line within",
    "0 0 0": "no length",
    "4294967295 0 1": "the id that is none, inside",
    "0 4294967295 1": "the id that is none, outside",
    "1 0 4294967295": "wrapping inside",
    "0 1 4294967295": "wrapping outside",
    "0 0 10\n9 20 10": "an overlap inside",
    "0 0 10\n20 9 10": "an overlap outside",
    "0 0 10\n5 5 1": "one within another",
    "".join(f"{i} {i} 1\n" for i in range(341)): "341 lines",
}


@case(tree=True)
def a_map_is_lines_of_three_numbers_that_do_not_overlap(kernel: Kernel) -> None:
    held = hold(kernel, NEWUSER)
    for text, what in BAD_MAPS.items():
        for file in ("uid_map", "gid_map"):
            expect(f"the errno of {what}", errno_of(write_map, kernel, held, text, file), EINVAL)
    let_go(kernel, held)


GOOD_MAPS = {
    "0 1 4294967294": ((0, 1, 4294967294),),
    " \t0\t 00 \v1\r ": ((0, 0, 1),),
    "0 0 1\0nonsense": ((0, 0, 1),),
    "4294967296 4294967301 8589934593": ((0, 5, 1),),  # cut to 32 bits
    "5 0 1\n0 7 3\n": ((5, 0, 1), (0, 7, 3)),
    "".join(f"{i} {i} 1\n" for i in range(340)): tuple((i, i, 1) for i in range(340)),
}


@case(tree=True)
def a_map_is_read_generously(kernel: Kernel) -> None:
    for text, lines in GOOD_MAPS.items():
        held = hold(kernel, NEWUSER)
        write_map(kernel, held, text)
        expect(f"what {text[:40]!r} means", map_of(kernel, held), table(*lines))
        let_go(kernel, held)


@case(tree=True)
def a_process_maps_no_ids_but_its_own(kernel: Kernel) -> None:
    become(kernel, 1000)
    kernel.unshare(NEWUSER)
    for text in ("0 0 1", "0 1001 1", "0 1000 2", "0 1000 1\n1 1001 1"):
        refused(EPERM, put, kernel, "/proc/self/uid_map", text)
    refused(EINVAL, put, kernel, "/proc/self/uid_map", "0 1001 0")
    put(kernel, "/proc/self/uid_map", "0 1000 1")
    refused(EPERM, put, kernel, "/proc/self/uid_map", "0 1000 1")


@case(tree=True)
def a_process_maps_its_group_only_without_setgroups(kernel: Kernel) -> None:
    become(kernel, 1000)
    kernel.unshare(NEWUSER)
    refused(EPERM, put, kernel, "/proc/self/gid_map", "0 1000 1")
    put(kernel, "/proc/self/setgroups", "deny")
    refused(EPERM, put, kernel, "/proc/self/gid_map", "0 1001 1")
    put(kernel, "/proc/self/gid_map", "0 1000 1")
    refused(EPERM, kernel.setgroups, ())


@case(tree=True, since="5.12")
def mapping_root_from_inside_takes_a_creator_with_cap_setfcap(kernel: Kernel) -> None:
    drop(kernel, Cap.SETFCAP)
    kernel.unshare(NEWUSER)
    refused(EPERM, put, kernel, "/proc/self/uid_map", "0 0 1")
    put(kernel, "/proc/self/setgroups", "deny")
    put(kernel, "/proc/self/gid_map", "0 0 1")


@case(tree=True, since="5.12")
def mapping_root_from_the_parent_takes_cap_setfcap(kernel: Kernel) -> None:
    held = hold(kernel, NEWUSER)
    drop(kernel, Cap.SETFCAP)
    write_map(kernel, held, "0 0 10", "gid_map")
    for text in ("0 0 1", "5 5 1\n0 0 1"):
        refused(EPERM, write_map, kernel, held, text)
    write_map(kernel, held, "0 1000 10")
    let_go(kernel, held)


def write_as_user(kernel: Kernel, fd: Fd, text: bytes) -> int:
    become(kernel, 1000)
    return errno_of(kernel.write, fd, text)


def write_when_told(kernel: Kernel, wait: Fd, tell: Fd) -> None:
    fd = Fd(kernel.read(wait, 1)[0])
    kernel.write(tell, bytes((errno_of(kernel.write, fd, b"0 1000 5"),)))


@case(tree=True)
def both_the_opener_and_the_writer_of_a_map_need_the_right_to_map(kernel: Kernel) -> None:
    held = hold(kernel, NEWUSER)
    fd = kernel.open(f"/proc/{held.pid}/uid_map", OpenFlag.WRONLY)
    expect("opened by root, written by a user", in_child(kernel, write_as_user, fd, b"0 1000 5"), EPERM)
    expect("the same, with nonsense", in_child(kernel, write_as_user, fd, b"nonsense"), EINVAL)
    kernel.close(fd)
    wait, go = kernel.pipe()
    answer, tell = kernel.pipe()
    writer = kernel.clone(CloneFlag.FILES | Signal.CHLD, write_when_told, wait, tell)
    drop(kernel, Cap.SETUID)
    fd = kernel.open(f"/proc/{held.pid}/uid_map", OpenFlag.WRONLY)
    kernel.write(go, bytes((fd,)))
    expect("opened without CAP_SETUID, written by root", kernel.read(answer, 1), bytes((EPERM,)))
    kernel.wait4(writer)
    let_go(kernel, held)


@case(tree=True)
def only_what_the_parent_maps_can_be_mapped(kernel: Kernel) -> None:
    held = hold(kernel, NEWUSER)
    write_map(kernel, held, "0 0 1\n10 1000 10\n20 1010 10")
    write_map(kernel, held, "0 0 1", "gid_map")
    fd = open_namespace(kernel, "user", held.pid)
    expect("the errnos", in_child(kernel, map_nested, fd), [EPERM, EPERM, EPERM, EPERM, 0])
    let_go(kernel, held)


def map_nested(kernel: Kernel, fd: Fd) -> list[int]:
    kernel.setns(fd, 0)
    held = hold(kernel, NEWUSER)
    texts = ("0 5 1", "0 15 10", "0 10 1\n5 30 1", "0 9 2", "0 12 8\n100 20 10")
    answers = [errno_of(write_map, kernel, held, text) for text in texts]
    let_go(kernel, held)
    return answers


# -- the setgroups file --


@case(tree=True)
def setgroups_is_denied_before_the_groups_are_mapped_and_for_good(kernel: Kernel) -> None:
    held = hold(kernel, NEWUSER)
    write_map(kernel, held, "allow", "setgroups")
    for text in ("deny", "deny\n", "deny \n\0"):
        write_map(kernel, held, text, "setgroups")
        expect("setgroups", map_of(kernel, held, "setgroups"), "deny\n")
    refused(EPERM, write_map, kernel, held, "allow", "setgroups")
    write_map(kernel, held, "0 0 5", "gid_map")
    refused(EPERM, write_map, kernel, held, "deny", "setgroups")
    let_go(kernel, held)


@case(tree=True)
def setgroups_is_not_denied_once_the_groups_are_mapped(kernel: Kernel) -> None:
    held = hold(kernel, NEWUSER)
    write_map(kernel, held, "0 0 1", "gid_map")
    refused(EPERM, write_map, kernel, held, "deny", "setgroups")
    write_map(kernel, held, "allow", "setgroups")
    expect("setgroups", map_of(kernel, held, "setgroups"), "allow\n")
    let_go(kernel, held)


@case(tree=True)
def the_setgroups_file_takes_one_of_two_words(kernel: Kernel) -> None:
    held = hold(kernel, NEWUSER)
    write_map(kernel, held, "0 0 1", "gid_map")
    for text in ("", "x", "den", "denyx", " deny", "deny    ", "allow 1", "allow   ", "deny\0\0\0\0"):
        expect(f"the errno of {text!r}", errno_of(write_map, kernel, held, text, "setgroups"), EINVAL)
    fd = kernel.open(f"/proc/{held.pid}/setgroups", OpenFlag.WRONLY)
    kernel.write(fd, b"allow")
    refused(EINVAL, kernel.write, fd, b"allow")
    let_go(kernel, held)


@case(tree=True)
def a_denial_of_setgroups_is_inherited(kernel: Kernel) -> None:
    kernel.unshare(NEWUSER)
    map_self(kernel)
    kernel.unshare(NEWUSER)
    expect("setgroups", get(kernel, "/proc/self/setgroups"), "deny\n")
    refused(EPERM, put, kernel, "/proc/self/setgroups", "allow")


def open_setgroups(kernel: Kernel, pid: Pid) -> tuple[int, ...]:
    drop(kernel, *(cap for cap in Cap if cap != Cap.DAC_OVERRIDE))
    path = f"/proc/{pid}/setgroups"
    return tuple(errno_of(kernel.open, path, flags) for flags in (OpenFlag.WRONLY, OpenFlag.RDWR, OpenFlag.RDONLY, 3))


@case(tree=True)
def opening_the_setgroups_file_for_writing_takes_a_capability(kernel: Kernel) -> None:
    held = hold(kernel, uid=1000, unshare=NEWUSER)
    expect("the errnos", in_child(kernel, open_setgroups, held.pid), (EACCES, EACCES, 0, 0))
    let_go(kernel, held)
