"""What stands when the machine starts: the initial namespaces, a root file system, init, and processes below it."""

from fakekernel import (
    addresses,
    cgroupfs,
    devpts,
    links,
    procfs,
    security,
    securityfs,
    selinuxfs,
    sysfs,
    unified,
)
from fakekernel.credentials import Credentials
from fakekernel.description import Description, Descriptor, FileTable
from fakekernel.filesystem import ROOT_GID, ROOT_UID, Dentry, Superblock
from fakekernel.lifecycle import enlist, new_pid
from fakekernel.mount import Mount, MountNamespace, Path
from fakekernel.mounttree import attach, topmost
from fakekernel.namespaces import (
    CgroupNamespace,
    IpcNamespace,
    NamespaceSet,
    NetNamespace,
    PidNamespace,
    TimeNamespace,
    UtsNamespace,
)
from fakekernel.peers import make_shared
from fakekernel.profile import HostProfile
from fakekernel.reachability import path_text
from fakekernel.store import Store
from fakekernel.system import System
from fakekernel.task import AddressSpace, FsContext, Image, Job, SignalActions, Task
from fakekernel.tree import CONTAINER, DEVICES, HOST, ROOTFS, find, plant
from fakekernel.userns import IDENTITY, UserNamespace
from kernelapi.flags import S_ISVTX, Disposition, FileType, MountFlag, OpenFlag, Signal
from kernelapi.ids import Kgid, Kuid
from kernelapi.values import IFF_UP, RT_SCOPE_HOST

# Inode numbers of the initial namespaces (include/linux/proc_ns.h).
IPC_INUM, UTS_INUM, USER_INUM, PID_INUM, CGROUP_INUM, TIME_INUM = (0xEFFFFFFF - i for i in range(6))
DOCKER_BRIDGE, DOCKER_ADDRESS = "docker0", "172.17.42.1"
"""A bridge of the host, and its address, in a network of 16 bits."""

MNT_INUM, NET_INUM = 0xEFFFFFF8, 0xEFFFFFF9


def boot(store: Store, host: HostProfile) -> tuple[System, Task]:
    """A machine that has just started: its state, and its init, which does nothing but adopt."""
    userns = UserNamespace(
        store=store, inum=USER_INUM, parent=None, level=0, owner=Kuid(0), group=Kgid(0), uid_map=IDENTITY, gid_map=IDENTITY
    )
    pidns = PidNamespace(store=store, inum=PID_INUM, owner=userns, parent=None, level=0)
    system = System(store=store, userns=userns, pidns=pidns)
    mntns = MountNamespace(store=store, inum=MNT_INUM, owner=userns)
    system.mntns = mntns
    _set_parameters(system, host)
    root = _root_mount(system, mntns)
    system.pipefs, system.sockfs = _internal_mount(system, "pipefs"), _internal_mount(system, "sockfs")
    system.nsfs, system.pidfs = _internal_mount(system, "nsfs"), _internal_mount(system, "pidfs")
    net = NetNamespace(store=store, inum=NET_INUM, owner=userns)
    _connect(net)
    _mount_host(system, root, mntns, net, host)
    _shape_mounts(system, mntns, host)
    time = TimeNamespace(store=store, inum=TIME_INUM, owner=userns, frozen=True)
    namespaces = NamespaceSet(
        mnt=mntns,
        uts=UtsNamespace(store=store, inum=UTS_INUM, owner=userns, nodename=host.hostname, domainname=host.domainname),
        ipc=IpcNamespace(store=store, inum=IPC_INUM, owner=userns),
        net=net,
        cgroup=CgroupNamespace(store=store, inum=CGROUP_INUM, owner=userns),
        time=time,
        time_for_children=time,
        pid_for_children=pidns,
    )
    pid = new_pid(store, system.pidns)
    job = Job(store=store, group=pid, session=pid, is_leader=True)
    for resource, limit in host.limits:
        job.limits[resource] = limit
    init = Task(
        store=store,
        pid=pid,
        parent=None,
        cred=_root(userns, host),
        fs=FsContext(store=store, root=root, cwd=root),
        files=FileTable(store=store),
        mm=AddressSpace(store=store, userns=userns, executable=Path(root.mount, find(root.dentry, "bin/busybox"))),
        actions=SignalActions(store=store),
        job=job,
        namespaces=namespaces,
        image=Image(_init, ()),
        comm="init",
        security=security.initial(host),
    )
    init.actions.dispositions[Signal.CHLD] = Disposition.IGNORE
    enlist(system, init)
    return system, init


def spawn(system: System, init: Task, image: Image, comm: str) -> Task:
    """A child of init, in its namespaces, session and directory, with init's credentials and no descriptors."""
    store = system.store
    pid = new_pid(store, system.pidns)
    task = Task(
        store=store,
        pid=pid,
        parent=init,
        cred=init.cred,
        fs=FsContext(store=store, root=init.fs.root, cwd=init.fs.cwd),
        files=FileTable(store=store),
        mm=AddressSpace(store=store, userns=system.userns, executable=init.mm.executable),
        actions=SignalActions(store=store),
        job=Job(store=store, group=init.job.group, session=init.job.session),
        namespaces=init.namespaces,
        image=image,
        exit_signal=Signal.CHLD,
        comm=comm[:15],
        security=init.security,
    )
    for resource, limit in init.job.limits.items():
        task.job.limits[resource] = limit
    assert init.mm.executable is not None, "init of the host is a program"
    init.mm.executable.inode.write_count -= 1
    enlist(system, task)
    return task


def capture(system: System, init: Task) -> Description:
    """An open file, whose name is gone, that whoever holds the machine can read afterwards."""
    root = init.fs.root
    inode = root.mount.sb.new_inode(FileType.REG | 0o600)
    inode.write_count = 1
    flags = OpenFlag.WRONLY | OpenFlag.APPEND
    dentry = Dentry(store=system.store, name="captured", parent=root.dentry, inode=inode, unlinked=True)
    path = Path(root.mount, dentry)
    return Description(store=system.store, behaviour="", path=path, inode=inode, flags=flags, cred=init.cred)


def give(task: Task, description: Description) -> None:
    """Put `description` into the process' table, at the lowest free number."""
    table = task.files
    fd = table.lowest_free
    assert fd not in table.entries, "a process that has not run yet has closed nothing"
    table.entries[fd] = Descriptor(description, cloexec=False)
    table.lowest_free = fd + 1
    description.references += 1


def _root(userns: UserNamespace, host: HostProfile) -> Credentials:
    held = host.bounding if host.effective is None else host.effective
    return Credentials(userns, permitted=held, effective=held, bounding=host.bounding)


def _set_parameters(system: System, host: HostProfile) -> None:
    """The parameters that something depends on; others are read where /proc/sys shows them."""
    for name, value in host.parameters:
        directory, _, last = name.partition("/")
        if directory == "user":
            system.userns.limits[last] = value
        elif (field := last.replace("-", "_")) in System._fields:
            setattr(system, field, value)


def _shape_mounts(system: System, mntns: MountNamespace, host: HostProfile) -> None:
    """Flags and propagation of what is mounted, as the host has them."""
    shapes = {shape.point: shape for shape in host.mounts}
    assert mntns.root is not None
    top = topmost(mntns.root)
    for mount in mntns.mounts.values():
        if mount is mntns.root:  # the initial ramfs is below what anybody sees
            continue
        shape = shapes.get(path_text(Path(mount, mount.root), Path(top, top.root))) if shapes else None
        propagation = "shared" if host.shared_mounts else "private"
        if shape is not None:
            propagation = shape.propagation
            mount.flags = sum(FLAGS[flag] for flag in shape.flags if flag in FLAGS)
        if propagation in ("shared", "slave"):  # whose slave, nobody can see from here
            make_shared(system, mount)
        mount.unbindable = propagation == "unbindable"


FLAGS = {
    "ro": int(MountFlag.RDONLY),
    "nosuid": int(MountFlag.NOSUID),
    "nodev": int(MountFlag.NODEV),
    "noexec": int(MountFlag.NOEXEC),
    "noatime": int(MountFlag.NOATIME),
    "nodiratime": int(MountFlag.NODIRATIME),
    "relatime": int(MountFlag.RELATIME),
    "nosymfollow": int(MountFlag.NOSYMFOLLOW),
}


def _root_mount(system: System, mntns: MountNamespace) -> Path:
    """The initial ramfs, and the root file system mounted over it, as on a host that has booted."""
    below = _mount(system, mntns, _superblock(system, "rootfs", "rootfs"), None)
    mntns.root = below
    root = _mount(system, mntns, _superblock(system, "ext4", "/dev/vda"), Path(below, below.root))
    plant(root.root, HOST)
    plant(find(root.root, ROOTFS), CONTAINER)
    return Path(root, root.root)


def _mount_host(system: System, root: Path, mntns: MountNamespace, net: NetNamespace, host: HostProfile) -> None:
    """What a host has mounted: /proc, /sys, /dev and what belongs there."""
    top = root.dentry
    _mount(system, mntns, procfs.instance.instance(system, system.pidns), Path(root.mount, find(top, "proc")))
    sys = _mount(system, mntns, sysfs.instance(system, net), Path(root.mount, find(top, "sys")))
    _mount_security(system, mntns, host, sys)
    _mount_cgroups(system, mntns, host, sys)
    dev = _mount(system, mntns, _superblock(system, "devtmpfs", "devtmpfs"), Path(root.mount, find(top, "dev")))
    plant(dev.root, DEVICES)
    pts = Superblock(store=system.store, fstype="devpts", dev=system.take_dev(), userns=system.userns, source="devpts")
    devpts.furnish(pts, devpts.DEFAULTS, ROOT_UID, ROOT_GID, initial=True)
    _mount(system, mntns, pts, Path(dev, find(dev.root, "pts")))
    _mount(system, mntns, _superblock(system, "tmpfs", "tmpfs", S_ISVTX | 0o777), Path(dev, find(dev.root, "shm")))


def _mount_security(system: System, mntns: MountNamespace, host: HostProfile, sys: Mount) -> None:
    """Where there is a security module, what it and the kernel tell about it."""
    if host.security_module:
        place = sysfs.place(sys.sb, "kernel", "security")
        _mount(system, mntns, securityfs.instance(system), Path(sys, place))
    if host.security_module == security.SELINUX:
        _mount(system, mntns, selinuxfs.instance(system), Path(sys, sysfs.place(sys.sb, "fs", "selinux")))


def _mount_cgroups(system: System, mntns: MountNamespace, host: HostProfile, sys: Mount) -> None:
    """A tmpfs on /sys/fs/cgroup, and in it a directory for each hierarchy, which is mounted there; or the unified one alone."""
    directory = Path(sys, sysfs.place(sys.sb, "fs", "cgroup"))
    if host.cgroup_v1:
        base = _mount(system, mntns, _superblock(system, "tmpfs", "tmpfs"), directory)
        hierarchies = {sb.options: sb for sb in cgroupfs.hierarchies(system, host)}
        if host.cgroup_v2 is not None:
            hierarchies["unified"] = unified.hierarchy(system)
        for name, sb in hierarchies.items():
            _mount(system, mntns, sb, Path(base, base.root.add(name, base.sb.new_inode(FileType.DIR | 0o755))))
    elif host.cgroup_v2 is not None:
        _mount(system, mntns, unified.hierarchy(system), directory)


def _connect(net: NetNamespace) -> None:
    """The host's own network: `lo`, and the bridge of Docker at its time, both up."""
    store = net.store
    lo = links.loopback(store, net)
    docker = links.bridge(store, net, DOCKER_BRIDGE, "56:84:7a:fe:97:99")
    docker.own_address = True
    for link in (lo, docker):
        link.flags |= IFF_UP
    addresses.plant(lo, "127.0.0.1", 8, RT_SCOPE_HOST)
    addresses.plant(docker, DOCKER_ADDRESS, 16)


def _superblock(system: System, fstype: str, source: str, mode: int = 0o755) -> Superblock:
    sb = Superblock(store=system.store, fstype=fstype, dev=system.take_dev(), userns=system.userns, source=source)
    sb.make_root(mode)
    return sb


def _mount(system: System, mntns: MountNamespace, sb: Superblock, on: Path | None) -> Mount:
    assert sb.root is not None
    flags = MountFlag(0) if on is None else MountFlag.RELATIME
    mount = Mount(store=system.store, id=system.take_mount_id(), sb=sb, root=sb.root, ns=mntns, flags=int(flags))
    mntns.mounts[mount.id] = mount
    if on is not None:
        attach(mount, on.mount, on.dentry)
    return mount


def _internal_mount(system: System, fstype: str) -> Mount:
    """A file system that the kernel mounts for itself, where no path leads (kern_mount)."""
    sb = Superblock(store=system.store, fstype=fstype, dev=system.take_dev(), userns=system.userns, source=fstype)
    return Mount(store=system.store, id=system.take_mount_id(), sb=sb, root=sb.make_root())


def _init() -> None:
    raise AssertionError("init of the simulated host has no program")
