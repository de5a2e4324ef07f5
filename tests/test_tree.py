"""The default tree of the simulated host, and real trees taken along in its place."""

import os
import resource
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakekernel import loading
from fakekernel.loading import EAGER, TreeError, load_tree
from fakekernel.machine import Machine
from fakekernel.profile import capture
from fakekernel.tree import CONTAINER, ROOTFS, find, read_file, write_file
from kernelapi.flags import AT_FDCWD, AtFlag, FileType, OpenFlag, Rlimit, Seek
from kernelapi.ids import Fd
from kernelapi.kernel import Kernel
from kernelapi.values import Limit

AT = "/var/lib/real"


def run(machine: Machine, program: object, *args: object) -> bytes:
    """What the program writes to its last argument, a descriptor."""
    _, output = machine.spawn_captured(program, *args)  # type: ignore[arg-type]
    standstill = machine.run()
    crashes = [process.crash for process in machine.scheduler.ended if process.crash]
    machine.close()
    assert not crashes, crashes[0]
    assert not standstill.hung, standstill.waiting
    return machine.captured(output)


def describe(kernel: Kernel, paths: tuple[str, ...], out: Fd) -> None:
    for path in paths:
        found = kernel.newfstatat(AT_FDCWD, path, AtFlag.SYMLINK_NOFOLLOW)
        target = kernel.readlink(path) if found.type == FileType.LNK else ""
        words = (path, oct(found.mode), found.uid, found.gid, found.nlink, found.rdev, found.size, target)
        kernel.write(out, (" ".join(map(str, words)) + "\n").encode())


def read_in_pieces(kernel: Kernel, path: str, size: int, out: Fd) -> None:
    fd = kernel.open(path, OpenFlag.RDONLY)
    while piece := kernel.read(fd, size):
        kernel.write(out, piece)


# -- the default tree --


def test_a_host_has_devices_a_passwd_file_and_a_rootfs() -> None:
    paths = ("/dev/null", "/bin/sh", "/etc/passwd", "/tmp", "/proc", "/sys", "/dev/shm", f"{ROOTFS}/bin/busybox")
    lines = run(Machine(checks=True), describe, paths).decode().splitlines()
    described = {words[0]: words[1:] for words in (line.split(" ") for line in lines)}
    assert described["/dev/null"][0] == "0o20666"
    assert described["/dev/null"][4] == str(0x103)
    assert described["/bin/sh"][0] == "0o120777"
    assert described["/bin/sh"][6] == "busybox"
    assert described["/tmp"][0] == "0o41777"
    assert described["/proc"][0] == described["/sys"][0] == "0o40555"
    assert described[f"{ROOTFS}/bin/busybox"][0] == "0o100755"


def test_two_machines_hold_the_same_tree() -> None:
    assert Machine().digest() == Machine().digest()


def test_every_entry_of_a_tree_comes_after_its_directory() -> None:
    seen = {""}
    for file in CONTAINER:
        assert file.path.rpartition("/")[0] in seen, file.path
        assert file.path not in seen, file.path
        seen.add(file.path)


def test_files_can_be_written_and_read_from_outside() -> None:
    machine = Machine()
    write_file(machine, "/some/where/new", b"content", 0o600)
    assert read_file(machine, "/some/where/new") == b"content"
    assert read_file(machine, "/some/where/else") is None
    assert read_file(machine, "/bin/sh") is None  # a link
    assert read_file(machine, "/bin") is None
    assert run(machine, read_in_pieces, "/some/where/new", 3) == b"content"


# -- the profile of a real host --


def test_the_profile_of_this_host_can_be_captured() -> None:
    host = capture()
    said = os.uname()
    assert (host.release, host.version, host.hostname) == (said.release, said.version, said.nodename)
    assert dict(host.limits).get(Rlimit.NOFILE, Limit()).soft == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    machine = Machine(host)
    assert run(machine, read_in_pieces, "/proc/sys/kernel/osrelease", 100).decode() == said.release + "\n"


# -- a real tree --


def test_a_real_tree_is_taken_along_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir(mode=0o750)
    (tmp_path / "d/f").write_bytes(b"some text")
    (tmp_path / "d/f").chmod(0o4711)
    (tmp_path / "link").symlink_to("d/f")
    (tmp_path / "loop").symlink_to("loop")
    os.link(tmp_path / "d/f", tmp_path / "again")
    os.mkfifo(tmp_path / "fifo", 0o644)
    machine = Machine(checks=True)
    load_tree(machine, tmp_path, AT)
    lines = run(machine, describe, tuple(f"{AT}/{name}" for name in ("d", "d/f", "again", "link", "loop", "fifo"))).decode()
    own = f"{os.getuid()} {os.getgid()}"
    assert lines.splitlines() == [
        f"{AT}/d 0o40750 {own} 2 0 4096 ",
        f"{AT}/d/f 0o104711 {own} 2 0 9 ",
        f"{AT}/again 0o104711 {own} 2 0 9 ",
        f"{AT}/link 0o120777 {own} 1 0 3 d/f",
        f"{AT}/loop 0o120777 {own} 1 0 4 loop",
        f"{AT}/fifo 0o10644 {own} 1 0 0 ",
    ]


def test_names_and_texts_need_not_be_utf8(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff\xfe")).write_bytes(b"\x00\xff")
    machine = Machine()
    load_tree(machine, tmp_path, AT)
    assert run(machine, read_in_pieces, f"{AT}/" + os.fsdecode(b"\xff\xfe"), 10) == b"\x00\xff"


def test_the_same_tree_gives_the_same_state(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / name).write_text(name)
    digests = set()
    for _ in range(2):
        machine = Machine()
        load_tree(machine, tmp_path, AT)
        digests.add(machine.digest())
    assert len(digests) == 1


def test_what_was_there_is_gone(tmp_path: Path) -> None:
    machine = Machine()
    load_tree(machine, tmp_path, ROOTFS)
    assert read_file(machine, f"{ROOTFS}/etc/passwd") is None


# -- large files --


def large(tmp_path: Path) -> bytes:
    content = bytes(range(256)) * (EAGER // 256 + 1)
    (tmp_path / "large").write_bytes(content)
    return content


def test_a_large_file_is_read_when_somebody_asks(tmp_path: Path) -> None:
    content = large(tmp_path)
    machine = Machine()
    load_tree(machine, tmp_path, AT)
    assert len(find(machine.init.fs.root.dentry, f"{AT}/large").inode.content) < EAGER
    assert read_file(machine, f"{AT}/large") == content
    assert run(machine, read_in_pieces, f"{AT}/large", 10_000) == content


def seek_and_read(kernel: Kernel, path: str, out: Fd) -> None:
    fd = kernel.open(path, OpenFlag.RDONLY)
    assert kernel.fstat(fd).size == kernel.lseek(fd, 0, Seek.END)
    kernel.lseek(fd, -2, Seek.CUR)
    kernel.write(out, kernel.read(fd, 10))


def test_a_large_file_has_its_size_and_can_be_sought_in(tmp_path: Path) -> None:
    large(tmp_path)
    machine = Machine()
    load_tree(machine, tmp_path, AT)
    assert run(machine, seek_and_read, f"{AT}/large") == b"\xfe\xff"


def append_and_read(kernel: Kernel, path: str, flags: int, out: Fd) -> None:
    fd = kernel.open(path, flags)
    kernel.write(fd, b"end")
    kernel.close(fd)
    read_in_pieces(kernel, path, 100_000, out)


@pytest.mark.parametrize("flags", [OpenFlag.WRONLY | OpenFlag.APPEND, OpenFlag.WRONLY | OpenFlag.TRUNC])
def test_a_large_file_can_be_written(tmp_path: Path, flags: int) -> None:
    content = large(tmp_path)
    machine = Machine()
    load_tree(machine, tmp_path, AT)
    expected = b"end" if flags & OpenFlag.TRUNC else content + b"end"
    assert run(machine, append_and_read, f"{AT}/large", flags) == expected
    assert (tmp_path / "large").read_bytes() == content  # the real one stays as it was


def test_a_large_file_that_has_changed_is_noticed(tmp_path: Path) -> None:
    content = large(tmp_path)
    machine = Machine()
    load_tree(machine, tmp_path, AT)
    (tmp_path / "large").write_bytes(content + b"x")
    with pytest.raises(TreeError, match="large: has changed"):
        read_file(machine, f"{AT}/large")


def test_a_large_file_that_is_gone_is_noticed(tmp_path: Path) -> None:
    large(tmp_path)
    machine = Machine()
    load_tree(machine, tmp_path, AT)
    (tmp_path / "large").unlink()
    with pytest.raises(TreeError, match="large: cannot be read any more: No such file"):
        read_file(machine, f"{AT}/large")


def seek_twice(kernel: Kernel, path: str, out: Fd) -> None:
    fds = [kernel.open(path, OpenFlag.RDONLY) for _ in range(2)]
    for fd in fds:
        kernel.lseek(fd, 254)
        kernel.write(out, kernel.read(fd, 3))


def test_a_large_file_can_be_sought_in_by_several(tmp_path: Path) -> None:
    large(tmp_path)
    machine = Machine()
    load_tree(machine, tmp_path, AT)
    assert run(machine, seek_twice, f"{AT}/large") == b"\xfe\xff\x00" * 2


# -- what only root can make --


def test_devices_are_taken_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "null").write_text("")
    monkeypatch.setattr(loading, "_stat", lambda entry: os.stat("/dev/null"))
    machine = Machine()
    load_tree(machine, tmp_path, AT)
    inode = find(machine.init.fs.root.dentry, f"{AT}/null").inode
    assert (inode.type, inode.rdev) == (FileType.CHR, os.makedev(1, 3))


def test_capabilities_of_executable_files_are_taken_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, mode in (("program", 0o755), ("text", 0o644)):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(mode)
    monkeypatch.setattr(os, "getxattr", lambda path, name, *, follow_symlinks: f"{name} of {path}".encode())
    machine = Machine()
    load_tree(machine, tmp_path, AT)
    top = find(machine.init.fs.root.dentry, AT)
    name = "security.capability"
    assert find(top, "program").inode.xattrs[name] == f"{name} of {tmp_path}/program".encode()
    assert name not in find(top, "text").inode.xattrs


# -- what cannot be loaded --


def test_what_is_missing_or_no_directory_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    causes = {"missing": "No such file", "file": "not a directory", "loop": "Too many levels", "file/x": "Not a dir"}
    for name, words in causes.items():
        with pytest.raises(TreeError) as raised:
            load_tree(Machine(), tmp_path / name, AT)
        assert str(tmp_path / name) in str(raised.value)
        assert words in str(raised.value)
        assert "\n" not in str(raised.value)


def test_a_path_with_a_nul_is_one_sentence() -> None:
    with pytest.raises(TreeError, match="null byte"):
        load_tree(Machine(), Path("a\0b"), AT)


def test_a_tree_that_is_too_large_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "MOST_ENTRIES", 2)
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    with pytest.raises(TreeError, match="c: the tree has more than 2 entries"):
        load_tree(Machine(), tmp_path, AT)


@pytest.mark.parametrize("step", ["_scan", "_stat"])
def test_what_is_gone_when_it_is_read_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Somebody takes the link away after the directory has been listed, or after the link has been looked at."""
    original = getattr(loading, step)

    def and_take_away(argument: object) -> object:
        found = original(argument)
        (tmp_path / "link").unlink()
        return found

    (tmp_path / "link").symlink_to("target")
    monkeypatch.setattr(loading, step, and_take_away)
    with pytest.raises(TreeError, match="link: cannot be read: No such file"):
        load_tree(Machine(), tmp_path, AT)


def test_a_tree_that_is_too_deep_is_one_sentence(tmp_path: Path) -> None:
    here = os.getcwd()
    try:
        os.chdir(tmp_path)
        for _ in range(510):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    with pytest.raises(TreeError, match="directories deep"):
        load_tree(Machine(), tmp_path, AT)


@pytest.fixture
def not_root() -> Iterator[Path]:
    """A directory that everybody may read, and nobody's eyes to look at it with."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        euid = os.geteuid()
        if euid == 0:
            os.seteuid(65534)
        yield Path(name)
        os.seteuid(euid)


@pytest.mark.parametrize(("kind", "what"), [("file", "cannot be read"), ("directory", "cannot be listed")])
def test_what_cannot_be_read_is_one_sentence(not_root: Path, kind: str, what: str) -> None:
    euid = os.geteuid()
    os.seteuid(os.getuid())
    secret = not_root / "secret"
    secret.write_text("x") if kind == "file" else secret.mkdir()
    secret.chmod(0)
    os.seteuid(euid)
    with pytest.raises(TreeError, match=f"secret: {what}: Permission denied"):
        load_tree(Machine(), not_root, AT)


def test_a_socket_is_taken_along(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(tmp_path)  # the name of a socket is short
        try:
            listener.bind("s")
        finally:
            os.chdir(here)
        machine = Machine()
        load_tree(machine, tmp_path, AT)
    assert run(machine, describe, (f"{AT}/s",)).split()[1].startswith(b"0o14")


# -- a busybox image --


def execute(kernel: Kernel, rootfs: str, argv: tuple[str, ...], out: Fd) -> None:
    kernel.dup2(out, Fd(1))
    kernel.chroot(rootfs)
    kernel.chdir("/")
    kernel.execve(argv[0], argv, ("PATH=/bin",))


def test_machine_code_runs_as_the_program_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/busybox").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(EAGER))
    (tmp_path / "bin/busybox").chmod(0o755)
    (tmp_path / "bin/sh").symlink_to("busybox")
    os.link(tmp_path / "bin/busybox", tmp_path / "bin/echo")
    machine = Machine()
    load_tree(machine, tmp_path, AT)
    assert run(machine, execute, AT, ("/bin/sh", "-c", "echo one; /bin/echo two")) == b"one\ntwo\n"
