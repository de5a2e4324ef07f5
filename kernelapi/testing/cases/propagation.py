"""Laws of peer groups, masters and slaves (mount_namespaces(7))."""

from errno import EBUSY, EINVAL, ENOENT

from kernelapi.flags import CloneFlag, MountFlag, OpenFlag, Signal, UmountFlag
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.testing.case import case, expect, refused
from kernelapi.testing.mountinfo import mount_at, mount_table, shape

BIND, MOVE, REC = MountFlag.BIND, MountFlag.MOVE, MountFlag.REC
SHARED, SLAVE, PRIVATE, UNBINDABLE = MountFlag.SHARED, MountFlag.SLAVE, MountFlag.PRIVATE, MountFlag.UNBINDABLE


def ground(kernel: Kernel, *names: str) -> None:
    """A private tmpfs at /g with directories of these names; the working directory is there."""
    kernel.mkdir("/g", 0o755)
    tmpfs(kernel, "/g", "g")
    kernel.chdir("/g")
    directories(kernel, *names)


def directories(kernel: Kernel, *paths: str) -> None:
    for path in paths:
        kernel.mkdir(path, 0o755)


def tmpfs(kernel: Kernel, target: str, source: str = "t") -> None:
    kernel.mount(source, target, "tmpfs", 0, "")


def bind(kernel: Kernel, source: str, target: str, flags: int = 0) -> None:
    kernel.mount(source, target, "", BIND | flags, "")


def make(kernel: Kernel, target: str, kind: int) -> None:
    kernel.mount("", target, "", kind, "")


def shared(kernel: Kernel, target: str, source: str) -> None:
    """A shared tmpfs with directories x, y and z."""
    tmpfs(kernel, target, source)
    make(kernel, target, SHARED)
    directories(kernel, *(f"{target}/{name}" for name in "xyz"))


# -- changing it --


@case(tree=True)
def a_change_of_propagation_names_one_kind_for_one_mount(kernel: Kernel) -> None:
    ground(kernel, "d")
    for flags in (
        SHARED | PRIVATE, SHARED | MountFlag.RDONLY, SHARED | MOVE, SHARED | MountFlag.NOSUID, PRIVATE | SLAVE | REC,
        UNBINDABLE | MountFlag.RELATIME,
    ):  # fmt: skip
        refused(EINVAL, kernel.mount, "", "/g", "", flags, "")
    refused(EINVAL, kernel.mount, "", "d", "", SHARED, "")
    refused(ENOENT, kernel.mount, "", "missing", "", SHARED | PRIVATE, "")
    kernel.mount("ignored", "/g", "ignored", SHARED | MountFlag.SILENT, "ignored")
    expect("shared", shape(kernel, "/g"), (". g shared:a",))


@case(tree=True)
def the_kinds_of_propagation_follow_each_other_like_this(kernel: Kernel) -> None:
    ground(kernel, "a", "b")
    shared(kernel, "a", "t")
    for kinds, alone, of_two in (
        ((SHARED,), " shared:a", " shared:a"),
        ((SHARED, SHARED), " shared:a", " shared:a"),
        ((SLAVE,), "", " master:a"),
        ((SLAVE, SLAVE), "", " master:a"),
        ((SLAVE, SHARED), " shared:a", " shared:b master:a"),
        ((SLAVE, SHARED, SLAVE), "", " master:a"),
        ((SLAVE, SHARED, PRIVATE), "", ""),
        ((PRIVATE,), "", ""),
        ((PRIVATE, SLAVE), "", ""),
        ((UNBINDABLE,), " unbindable", " unbindable"),
        ((UNBINDABLE, SLAVE), " unbindable", " unbindable"),
        ((UNBINDABLE, PRIVATE), "", ""),
        ((UNBINDABLE, SHARED), " shared:a", " shared:b"),
    ):
        make(kernel, "a", PRIVATE)
        make(kernel, "a", SHARED)
        for kind in kinds:
            make(kernel, "a", kind)
        expect(f"one alone after {kinds}", shape(kernel, "/g/a"), (f". t{alone}",))
        make(kernel, "a", PRIVATE)
        make(kernel, "a", SHARED)
        bind(kernel, "a", "b")
        for kind in kinds:
            make(kernel, "b", kind)
        expect(f"of two one after {kinds}", shape(kernel, "/g")[1:], ("/a t shared:a", f"/b t{of_two}"))
        kernel.umount2("b", 0)


@case(tree=True)
def a_recursive_change_covers_all_mounts_below(kernel: Kernel) -> None:
    ground(kernel, "a")
    tmpfs(kernel, "a", "a")
    directories(kernel, "a/x", "a/y")
    tmpfs(kernel, "a/x", "x")
    tmpfs(kernel, "a/y", "y")
    make(kernel, "a/x", UNBINDABLE)
    make(kernel, "a", SHARED)
    expect("one", shape(kernel, "/g/a"), (". a shared:a", "/x x unbindable", "/y y"))
    make(kernel, "a", SHARED | REC)
    expect("all", shape(kernel, "/g/a"), (". a shared:a", "/x x shared:b", "/y y shared:c"))
    make(kernel, "a", PRIVATE | REC)
    expect("none", shape(kernel, "/g/a"), (". a", "/x x", "/y y"))


@case(tree=True)
def with_its_last_member_a_group_ends_and_its_slaves_go_to_its_master(kernel: Kernel) -> None:
    ground(kernel, "a", "b", "c")
    shared(kernel, "a", "t")
    bind(kernel, "a", "b")
    make(kernel, "b", SLAVE)
    make(kernel, "b", SHARED)
    bind(kernel, "b", "c")
    make(kernel, "c", SLAVE)
    expect("a chain", shape(kernel, "/g")[1:], ("/a t shared:a", "/b t shared:b master:a", "/c t master:b"))
    make(kernel, "b", PRIVATE)
    expect("the middle is gone", shape(kernel, "/g")[1:], ("/a t shared:a", "/b t", "/c t master:a"))
    kernel.umount2("a", 0)
    expect("the top is gone", shape(kernel, "/g")[1:], ("/b t", "/c t"))


# -- mounting --


@case(tree=True)
def a_mount_on_a_private_mount_is_private_and_stays_there(kernel: Kernel) -> None:
    ground(kernel, "a", "b")
    tmpfs(kernel, "a")
    directories(kernel, "a/x")
    bind(kernel, "a", "b")
    tmpfs(kernel, "a/x", "new")
    expect("only there", shape(kernel, "/g")[1:], ("/a t", "/a/x new", "/b t"))


@case(tree=True)
def a_mount_on_a_shared_mount_is_shared_and_appears_on_all_peers(kernel: Kernel) -> None:
    ground(kernel, "a", "b", "c")
    shared(kernel, "a", "t")
    bind(kernel, "a", "b")
    bind(kernel, "a", "c")
    tmpfs(kernel, "b/x", "new")
    expect(
        "everywhere",
        shape(kernel, "/g")[1:],
        ("/a t shared:a", "/a/x new shared:b", "/b t shared:a", "/b/x new shared:b", "/c t shared:a", "/c/x new shared:b"),
    )
    directories(kernel, "a/x/one")
    kernel.stat("c/x/one")


@case(tree=True)
def a_slave_receives_and_does_not_send(kernel: Kernel) -> None:
    ground(kernel, "a", "b")
    shared(kernel, "a", "t")
    bind(kernel, "a", "b")
    make(kernel, "b", SLAVE)
    tmpfs(kernel, "a/x", "from-master")
    tmpfs(kernel, "b/y", "from-slave")
    expect(
        "both",
        shape(kernel, "/g")[1:],
        ("/a t shared:a", "/a/x from-master shared:b", "/b t master:a", "/b/x from-master master:b", "/b/y from-slave"),
    )


@case(tree=True)
def a_shared_slave_passes_on_what_it_receives(kernel: Kernel) -> None:
    ground(kernel, "a", "b", "c", "d", "e")
    shared(kernel, "a", "t")
    bind(kernel, "a", "b")
    make(kernel, "b", SLAVE)
    make(kernel, "b", SHARED)
    bind(kernel, "b", "c")
    bind(kernel, "b", "d")
    make(kernel, "d", SLAVE)
    bind(kernel, "d", "e")
    tmpfs(kernel, "a/x", "n")
    tmpfs(kernel, "c/y", "m")
    expect(
        "from the top, and from the middle",
        shape(kernel, "/g")[1:],
        (
            "/a t shared:a", "/a/x n shared:b",
            "/b t shared:c master:a", "/b/x n shared:d master:b", "/b/y m shared:e",
            "/c t shared:c master:a", "/c/x n shared:d master:b", "/c/y m shared:e",
            "/d t master:c", "/d/x n master:d", "/d/y m master:e",
            "/e t master:c", "/e/x n master:d", "/e/y m master:e",
        ),
    )  # fmt: skip


@case(tree=True)
def propagation_reaches_only_where_the_mount_point_can_be_seen(kernel: Kernel) -> None:
    ground(kernel, "a", "b", "c")
    shared(kernel, "a", "t")
    directories(kernel, "a/x/in")
    bind(kernel, "a/x", "b")
    bind(kernel, "b", "c")
    make(kernel, "c", SLAVE)
    tmpfs(kernel, "a/y", "n")
    tmpfs(kernel, "a/x/in", "m")
    expect(
        "one of two",
        shape(kernel, "/g")[1:],
        ("/a t shared:a", "/a/x/in m shared:b", "/a/y n shared:c", "/b t shared:a", "/b/in m shared:b", "/c t master:a",
         "/c/in m master:b"),
    )  # fmt: skip


@case(tree=True)
def slaves_of_a_place_that_does_not_see_it_follow_the_one_above(kernel: Kernel) -> None:
    ground(kernel, "a", "b", "c")
    shared(kernel, "a", "t")
    bind(kernel, "a", "c")
    make(kernel, "c", SLAVE)
    make(kernel, "c", SHARED)
    bind(kernel, "c/x", "b")  # a peer of c that sees x only
    make(kernel, "c", SLAVE)  # a slave of b's group, which alone is left in it
    tmpfs(kernel, "a/y", "n")
    expect(
        "past the group in between",
        shape(kernel, "/g")[1:],
        ("/a t shared:a", "/a/y n shared:b", "/b t shared:c master:a", "/c t master:c", "/c/y n master:b"),
    )


@case(tree=True)
def a_bind_of_a_shared_mount_is_its_peer_and_one_of_a_slave_its_fellow(kernel: Kernel) -> None:
    ground(kernel, "a", "b", "c", "d", "s")
    shared(kernel, "a", "t")
    bind(kernel, "a", "b")
    make(kernel, "b", SLAVE)
    bind(kernel, "b", "c")
    shared(kernel, "s", "s")
    bind(kernel, "b", "s/x")
    expect(
        "slaves bound, and bound below a shared mount",
        shape(kernel, "/g")[1:],
        ("/a t shared:a", "/b t master:a", "/c t master:a", "/s s shared:b", "/s/x t shared:c master:a"),
    )


@case(tree=True)
def a_tree_bound_below_a_shared_mount_becomes_shared_as_a_whole(kernel: Kernel) -> None:
    ground(kernel, "a", "s", "r")
    tmpfs(kernel, "a", "a")
    directories(kernel, "a/x", "a/y")
    tmpfs(kernel, "a/x", "x")
    tmpfs(kernel, "a/y", "y")
    make(kernel, "a/y", UNBINDABLE)
    shared(kernel, "s", "s")
    bind(kernel, "s", "r")
    make(kernel, "r", SLAVE)
    bind(kernel, "a", "s/z", REC)
    expect(
        "the copies",
        shape(kernel, "/g")[1:],
        (
            "/a a", "/a/x x", "/a/y y unbindable",
            "/r s master:a", "/r/z a master:b", "/r/z/x x master:c",
            "/s s shared:a", "/s/z a shared:b", "/s/z/x x shared:c",
        ),
    )  # fmt: skip


@case(tree=True)
def a_shared_mount_can_be_bound_into_itself(kernel: Kernel) -> None:
    ground(kernel, "a")
    shared(kernel, "a", "t")
    bind(kernel, "a", "a/x")
    expect("once", shape(kernel, "/g/a"), (". t shared:a", "/x t shared:a"))
    bind(kernel, "a", "a/y")
    expect(
        "twice: also on the first",
        shape(kernel, "/g/a"),
        (". t shared:a", "/x t shared:a", "/x/y t shared:a", "/y t shared:a"),
    )


@case(tree=True)
def where_the_place_is_taken_the_new_mount_goes_below(kernel: Kernel) -> None:
    ground(kernel, "a", "b")
    shared(kernel, "a", "t")
    bind(kernel, "a", "b")
    make(kernel, "b", SLAVE)
    tmpfs(kernel, "b/x", "was-there")
    directories(kernel, "b/x/in")
    tmpfs(kernel, "b/x/in", "in-it")
    tmpfs(kernel, "a/x", "new")
    expect("below", shape(kernel, "/g/b"), (". t master:a", "/x new master:b", "/x was-there", "/x/in in-it"))
    kernel.umount2("a/x", 0)
    expect("and away again", shape(kernel, "/g/b"), (". t master:a", "/x was-there", "/x/in in-it"))


@case(tree=True)
def a_mount_on_top_of_a_shared_mount_goes_on_top_of_its_peers(kernel: Kernel) -> None:
    ground(kernel, "a", "b")
    shared(kernel, "a", "t")
    bind(kernel, "a", "b")
    tmpfs(kernel, "a", "over")
    expect(
        "over both",
        shape(kernel, "/g")[1:],
        ("/a t shared:a", "/a over shared:b", "/b t shared:a", "/b over shared:b"),
    )


@case(tree=True)
def a_move_below_a_shared_mount_propagates(kernel: Kernel) -> None:
    ground(kernel, "a", "b", "m")
    shared(kernel, "a", "t")
    bind(kernel, "a", "b")
    make(kernel, "b", SLAVE)
    tmpfs(kernel, "m", "m")
    directories(kernel, "m/in")
    tmpfs(kernel, "m/in", "in")
    kernel.mount("m", "a/x", "", MOVE, "")
    expect(
        "moved",
        shape(kernel, "/g")[1:],
        ("/a t shared:a", "/a/x m shared:b", "/a/x/in in shared:c", "/b t master:a", "/b/x m master:b", "/b/x/in in master:c"),
    )
    refused(EINVAL, kernel.mount, "a/x", "m", "", MOVE, "")
    kernel.mount("b/x", "m", "", MOVE, "")
    expect("a slave stays one where it goes", shape(kernel, "/g/m"), (". m master:a", "/in in master:b"))


@case(tree=True)
def what_receives_from_outside_the_root_says_from_where_in_it(kernel: Kernel) -> None:
    ground(kernel, "a", "r")
    shared(kernel, "a", "t")
    tmpfs(kernel, "r", "r")
    directories(kernel, "r/b", "r/c", "r/proc", "m")
    bind(kernel, "/proc", "r/proc")
    bind(kernel, "a", "r/b")
    bind(kernel, "a", "m")
    make(kernel, "m", SLAVE)
    make(kernel, "m", SHARED)
    bind(kernel, "m", "r/c")
    make(kernel, "r/c", SLAVE)
    kernel.chroot("r")
    b, c = mount_at(kernel, "/b"), mount_at(kernel, "/c")
    expect("the nearest group that can be seen", c.propagate_from, b.shared)
    expect("it is not the master", c.master != b.shared, True)


# -- umounting --


@case(tree=True)
def an_umount_propagates_to_peers_and_slaves(kernel: Kernel) -> None:
    ground(kernel, "a", "b", "c")
    shared(kernel, "a", "t")
    bind(kernel, "a", "b")
    bind(kernel, "a", "c")
    make(kernel, "c", SLAVE)
    tmpfs(kernel, "a/x", "n")
    tmpfs(kernel, "c/y", "own")
    kernel.umount2("b/x", 0)
    expect("gone everywhere", shape(kernel, "/g")[1:], ("/a t shared:a", "/b t shared:a", "/c t master:a", "/c/y own"))
    tmpfs(kernel, "a/x", "n")
    kernel.umount2("c/x", 0)
    expect(
        "gone at the slave alone",
        shape(kernel, "/g")[1:],
        ("/a t shared:a", "/a/x n shared:b", "/b t shared:a", "/b/x n shared:b", "/c t master:a", "/c/y own"),
    )


@case(tree=True)
def an_umount_leaves_what_has_something_mounted_on_it_elsewhere(kernel: Kernel) -> None:
    ground(kernel, "a", "b")
    shared(kernel, "a", "t")
    bind(kernel, "a", "b")
    make(kernel, "b", SLAVE)
    tmpfs(kernel, "a/x", "n")
    directories(kernel, "a/x/in")
    tmpfs(kernel, "b/x/in", "own")
    kernel.umount2("a/x", UmountFlag.DETACH)
    expect("it stays", shape(kernel, "/g")[1:], ("/a t shared:a", "/b t master:a", "/b/x n", "/b/x/in own"))
    tmpfs(kernel, "a/y", "n")
    tmpfs(kernel, "b/y", "over")
    kernel.umount2("a/y", 0)
    expect("what covers its root moves down", shape(kernel, "/g/b"), (". t master:a", "/x n", "/x/in own", "/y over"))


@case(tree=True)
def what_stays_keeps_all_that_it_hangs_on(kernel: Kernel) -> None:
    ground(kernel, "a", "b")
    shared(kernel, "a", "t")
    bind(kernel, "a", "b")
    make(kernel, "b", SLAVE)
    tmpfs(kernel, "a/x", "n")
    directories(kernel, "a/x/in")
    tmpfs(kernel, "a/x/in", "m")
    directories(kernel, "a/x/in/deep")
    tmpfs(kernel, "b/x/in/deep", "own")
    kernel.umount2("a/x", UmountFlag.DETACH)
    expect("both stay", shape(kernel, "/g")[1:], ("/a t shared:a", "/b t master:a", "/b/x n", "/b/x/in m", "/b/x/in/deep own"))


@case(tree=True)
def what_covers_the_top_of_a_stack_moves_down_and_what_is_mounted_within_it_stays(kernel: Kernel) -> None:
    for within in (False, True):
        ground(kernel, "a", "b")
        shared(kernel, "a", "t")
        bind(kernel, "a", "b")
        make(kernel, "b", SLAVE)
        tmpfs(kernel, "a/x", "n")
        directories(kernel, "a/x/in", "a/x/side")
        for source in ("one", "two", "three"):
            tmpfs(kernel, "a/x/in", source)
            directories(kernel, "a/x/in/deep")
        if within:
            tmpfs(kernel, "b/x/side", "beside")
        tmpfs(kernel, "b/x/in", "over")
        kernel.umount2("a/x", UmountFlag.DETACH)
        found = ("/x n", "/x/in over", "/x/side beside") if within else ("/x n", "/x/in over")
        expect(f"what is left, {within}", shape(kernel, "/g/b"), (". t master:a", *found))
        kernel.chdir("/")
        kernel.umount2("/g", UmountFlag.DETACH)
        kernel.rmdir("/g")


@case(tree=True)
def of_a_stack_stays_what_has_something_mounted_within_it_and_what_is_below(kernel: Kernel) -> None:
    for within in ("one", "two"):
        ground(kernel, "a", "b")
        shared(kernel, "a", "t")
        bind(kernel, "a", "b")
        make(kernel, "b", SLAVE)
        held: dict[str, Fd] = {}
        for source in ("one", "two", "three"):
            tmpfs(kernel, "a/x", source)
            directories(kernel, "a/x/in")
            held[source] = kernel.open("b/x", OpenFlag.PATH)
        kernel.fchdir(held[within])
        tmpfs(kernel, "in", "own")
        kernel.chdir("/g")
        tmpfs(kernel, "b/x", "over")
        kernel.umount2("a", UmountFlag.DETACH)
        expect("what is left", shape(kernel, "/g/b"), (". t", f"/x {within}", "/x over", "/x/in own"))
        kernel.chdir("/")
        kernel.umount2("/g", UmountFlag.DETACH)
        kernel.rmdir("/g")


@case(tree=True)
def an_umount_of_a_tree_propagates_as_a_whole(kernel: Kernel) -> None:
    ground(kernel, "a", "b", "c")
    shared(kernel, "a", "t")
    bind(kernel, "a", "b")
    bind(kernel, "a", "c")
    make(kernel, "c", SLAVE)
    tmpfs(kernel, "a/x", "n")
    directories(kernel, "a/x/in")
    tmpfs(kernel, "a/x/in", "m")
    refused(EBUSY, kernel.umount2, "a/x", 0)
    kernel.umount2("b/x", UmountFlag.DETACH)
    expect("gone everywhere", shape(kernel, "/g")[1:], ("/a t shared:a", "/b t shared:a", "/c t master:a"))


@case(tree=True)
def an_umount_is_busy_where_a_place_that_it_propagates_to_is_in_use(kernel: Kernel) -> None:
    ground(kernel, "a", "b")
    shared(kernel, "a", "t")
    bind(kernel, "a", "b")
    make(kernel, "b", SLAVE)
    tmpfs(kernel, "a/x", "n")
    fd = kernel.open("b/x", OpenFlag.RDONLY | OpenFlag.DIRECTORY)
    refused(EBUSY, kernel.umount2, "a/x", 0)
    kernel.close(fd)
    kernel.umount2("a/x", 0)
    expect("gone", shape(kernel, "/g")[1:], ("/a t shared:a", "/b t master:a"))


# -- between namespaces --


@case(tree=True)
def copies_in_a_new_namespace_are_peers_and_slaves_like_their_originals(kernel: Kernel) -> None:
    ground(kernel, "a", "b", "p", "n")
    shared(kernel, "a", "a")
    bind(kernel, "a", "b")
    make(kernel, "b", SLAVE)
    tmpfs(kernel, "p", "p")
    directories(kernel, "p/x")
    other = _in_namespace(kernel, CloneFlag.NEWNS)
    tmpfs(kernel, "a/x", "n")
    tmpfs(kernel, "p/x", "private")
    expect("what it sees", _points(kernel, other[0], "/g/"), ["/g/a", "/g/b", "/g/p", "/g/a/x", "/g/b/x"])
    _ask(kernel, other, b"u")
    expect("its umount propagates back", shape(kernel, "/g")[1:], ("/a a shared:a", "/b a master:a", "/p p", "/p/x private"))
    _end(kernel, other)


@case(tree=True)
def what_propagates_into_a_namespace_with_another_owner_is_locked_there(kernel: Kernel) -> None:
    ground(kernel, "a")
    shared(kernel, "a", "a")
    other = _in_namespace(kernel, CloneFlag.NEWNS | CloneFlag.NEWUSER)
    tmpfs(kernel, "a/x", "n")
    directories(kernel, "a/x/in")
    expect("it is there", _points(kernel, other[0], "/g/a/"), ["/g/a/x"])
    expect("it can be umounted there", _ask(kernel, other, b"u"), b"0")  # the top of what came is not locked
    kernel.umount2("a/x", 0)
    kernel.mkdir("m", 0o755)
    tmpfs(kernel, "m", "m")
    directories(kernel, "m/in")
    tmpfs(kernel, "m/in", "in")
    kernel.mount("m", "a/x", "", MOVE, "")
    expect("a tree is there", _points(kernel, other[0], "/g/a/"), ["/g/a/x", "/g/a/x/in"])
    expect("its parts are locked to each other", _ask(kernel, other, b"i"), str(EINVAL).encode())
    expect("its top goes, as a whole", _ask(kernel, other, b"d"), b"0")
    expect("nothing is left of it", _points(kernel, other[0], "/g/a/"), [])
    expect("a slave's umount stays with it", shape(kernel, "/g/a"), (". a shared:a", "/x m shared:b", "/x/in in shared:c"))
    _end(kernel, other)


@case(tree=True)
def when_a_namespace_ends_its_mounts_leave_their_groups(kernel: Kernel) -> None:
    ground(kernel, "a", "b")
    shared(kernel, "a", "a")
    other = _in_namespace(kernel, CloneFlag.NEWNS)
    make(kernel, "a", SLAVE)
    expect("a slave of the other's", mount_at(kernel, "/g/a").master > 0, True)
    _end(kernel, other)
    expect("a slave of nobody", shape(kernel, "/g/a"), (". a",))


Other = tuple[int, Fd, Fd]


def _in_namespace(kernel: Kernel, flags: int) -> Other:
    """A process in namespaces of its own that does what it is asked for: its number, where it answers, where it is asked."""
    answers, questions = kernel.pipe2(0), kernel.pipe2(0)
    pid = kernel.clone(flags | Signal.CHLD, _serve, questions[0], questions[1], answers[1])
    kernel.close(questions[0])
    kernel.close(answers[1])
    kernel.read(answers[0], 8)
    return pid, answers[0], questions[1]


def _serve(kernel: Kernel, questions: Fd, other_end: Fd, answers: Fd) -> None:
    kernel.close(other_end)
    kernel.write(answers, b"ready")
    while question := kernel.read(questions, 1):
        target, flags = {b"u": ("/g/a/x", 0), b"i": ("/g/a/x/in", 0), b"d": ("/g/a/x", int(UmountFlag.DETACH))}[question]
        try:
            kernel.umount2(target, flags)
            answer = 0
        except OSError as error:
            answer = error.errno or 0
        kernel.write(answers, str(answer).encode())


def _ask(kernel: Kernel, other: Other, question: bytes) -> bytes:
    kernel.write(other[2], question)
    return kernel.read(other[1], 8)


def _end(kernel: Kernel, other: Other) -> None:
    kernel.close(other[2])
    kernel.wait4(other[0])
    kernel.close(other[1])


def _points(kernel: Kernel, pid: int, below: str) -> list[str]:
    return [entry.point for entry in mount_table(kernel, str(pid)) if entry.point.startswith(below)]
