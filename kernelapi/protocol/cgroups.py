"""How control groups of both versions refuse (cgroups(7), kernel/cgroup): rows of mkdir, rmdir, read and write in a hierarchy.

The rows of one file, or of one controller, are named after it. What the devices cgroup does to opening and making a device
stands with those calls.
"""

from errno import E2BIG, EACCES, EAGAIN, EBUSY, EINVAL, ENODEV, ENOENT, ENOSPC, EOPNOTSUPP, EPERM, ERANGE, ESRCH

from kernelapi.rules import ARGUMENTS, STATE, Effect, Refusal

CGROUP_NAME = Refusal(
    "mkdirat.einval.cgroup-name", call="mkdirat", errno=EINVAL, depends=ARGUMENTS,
    cause="the name of a control group has a newline", source="kernel/cgroup/cgroup.c cgroup_mkdir",
)  # fmt: skip
CGROUP_TOO_MANY = Refusal(
    "mkdirat.eagain.cgroup", call="mkdirat", errno=EAGAIN, depends=STATE,
    cause="cgroup.max.depth or cgroup.max.descendants of a unified control group above would be exceeded",
    source="kernel/cgroup/cgroup.c cgroup_check_hierarchy_limits",
)  # fmt: skip
CGROUP_BUSY = Refusal(
    "unlinkat.ebusy.cgroup", call="unlinkat", errno=EBUSY, depends=STATE,
    cause="the control group has processes that live, or children; its files do not count, nor do zombies",
    source="cgroups(7); kernel/cgroup/cgroup.c cgroup_destroy_locked",
)  # fmt: skip
CGROUP_GONE = Refusal(
    "cgroup.enodev", call="cgroup", errno=ENODEV, depends=STATE,
    cause="the control group of an open file has been removed", source="fs/kernfs/file.c kernfs_get_active",
)  # fmt: skip
CGROUP_WRITE_ONLY = Refusal(
    "cgroup.einval.read", call="cgroup", errno=EINVAL, depends=ARGUMENTS,
    cause="the file cannot be read: who overrides its mode gets as far as this",
    source="kernel/cgroup/cgroup.c cgroup_seqfile_show",
)  # fmt: skip
CGROUP_READ_ONLY = Refusal(
    "cgroup.einval.write", call="cgroup", errno=EINVAL, depends=ARGUMENTS,
    cause="the file cannot be written: who overrides its mode gets as far as this",
    source="kernel/cgroup/cgroup.c cgroup_file_write",
)  # fmt: skip
CGROUP_TOO_LONG = Refusal(
    "cgroup.e2big", call="cgroup", errno=E2BIG, depends=ARGUMENTS,
    cause="more than a page is written at once", source="fs/kernfs/file.c kernfs_fop_write_iter",
)  # fmt: skip
CGROUP_SYNTAX = Refusal(
    "cgroup.einval.value", call="cgroup", errno=EINVAL, depends=ARGUMENTS,
    cause="the file takes something else, or another range of numbers", source="kernel/cgroup/cgroup.c cgroup_file_write",
)  # fmt: skip
CGROUP_RANGE = Refusal(
    "cgroup.erange", call="cgroup", errno=ERANGE, depends=ARGUMENTS,
    cause="the number is beyond what the file can hold", source="lib/kstrtox.c; lib/bitmap-str.c bitmap_parselist",
)  # fmt: skip
CGROUP_ROOT = Refusal(
    "cgroup.einval.root", call="cgroup", errno=EINVAL, depends=STATE,
    cause="the root of the hierarchy has no such limit",
    source="kernel/sched/core.c sched_group_set_shares; mm/memcontrol-v1.c mem_cgroup_write",
    excuse="needs CAP_SYS_ADMIN over the host's own settings",
)  # fmt: skip

# -- who may be moved --

PROCS_SYNTAX = Refusal(
    "cgroup.einval.procs", call="cgroup", errno=EINVAL, depends=ARGUMENTS,
    cause="what is written is no number of a process, or a negative one",
    source="kernel/cgroup/cgroup.c cgroup_procs_write_start",
)  # fmt: skip
PROCS_NO_PROCESS = Refusal(
    "cgroup.esrch.procs", call="cgroup", errno=ESRCH, depends=STATE,
    cause="the caller's pid namespace has no process of that number",
    source="cgroups(7); kernel/cgroup/cgroup.c cgroup_procs_write_start",
)  # fmt: skip
PROCS_OTHERS = Refusal(
    "cgroup.eacces.procs", call="cgroup", errno=EACCES, depends=STATE,
    cause="who opened the file had neither effective uid 0 (of the host) nor that of the process, real or saved",
    source="kernel/cgroup/cgroup-v1.c __cgroup1_procs_write",
)  # fmt: skip
PROCS_EMPTY_CPUSET = Refusal(
    "cgroup.enospc.procs", call="cgroup", errno=ENOSPC, depends=STATE,
    cause="the cpuset has no processors or no memory nodes", source="cpuset(7); kernel/cgroup/cpuset.c cpuset_can_attach_check",
)  # fmt: skip

PROCS_ABOVE = Refusal(
    "cgroup.eacces.procs-above", call="cgroup", errno=EACCES, depends=STATE,
    cause="in the unified hierarchy, who opened the file may not write cgroup.procs of the lowest control group that is above "
    "both where the process is and where it is to go; whose the process is does not matter",
    source="cgroups(7); kernel/cgroup/cgroup.c cgroup_procs_write_permission",
)  # fmt: skip
PROCS_CONTROLS = Refusal(
    "cgroup.ebusy.procs", call="cgroup", errno=EBUSY, depends=STATE,
    cause="the unified control group, which is not the root, has controllers of resources enabled for its children",
    source="cgroups(7); kernel/cgroup/cgroup.c cgroup_migrate_vet_dst",
    excuse="needs CAP_SYS_ADMIN over the host's own settings",
)  # fmt: skip
THREADS_DOMAIN = Refusal(
    "cgroup.eopnotsupp.threads", call="cgroup", errno=EOPNOTSUPP, depends=STATE,
    cause="a single thread cannot go to a unified control group that manages whole processes, unless it is there",
    source="cgroups(7); kernel/cgroup/cgroup.c __cgroup_procs_write",
)  # fmt: skip

# -- subtree_control --

CONTROL_UNAVAILABLE = Refusal(
    "cgroup.enoent.subtree-control", call="cgroup", errno=ENOENT, depends=STATE,
    cause="a controller is to be enabled that the unified control group itself does not have",
    source="cgroups(7); kernel/cgroup/cgroup.c cgroup_subtree_control_write",
)  # fmt: skip
CONTROL_IN_USE = Refusal(
    "cgroup.ebusy.subtree-control", call="cgroup", errno=EBUSY, depends=STATE,
    cause="a controller is to be disabled that a child has enabled for its own children",
    source="cgroups(7); kernel/cgroup/cgroup.c cgroup_subtree_control_write",
    excuse="needs CAP_SYS_ADMIN over the host's own settings",
)  # fmt: skip
CONTROL_POPULATED = Refusal(
    "cgroup.ebusy.subtree-control-populated", call="cgroup", errno=EBUSY, depends=STATE,
    cause="a controller of resources is to be enabled, and there are processes in the control group, which is not the root",
    source="cgroups(7); kernel/cgroup/cgroup.c cgroup_vet_subtree_control_enable",
    excuse="needs CAP_SYS_ADMIN over the host's own settings",
)  # fmt: skip

# -- devices --

DEVICES_UNPRIVILEGED = Refusal(
    "cgroup.eperm.devices", call="cgroup", errno=EPERM, depends=STATE,
    cause="the caller has no CAP_SYS_ADMIN over the initial user namespace",
    source="security/device_cgroup.c devcgroup_update_access",
)  # fmt: skip
DEVICES_HAS_CHILDREN = Refusal(
    "cgroup.einval.devices-children", call="cgroup", errno=EINVAL, depends=STATE,
    cause='"a" is written, and the control group has children', source="security/device_cgroup.c devcgroup_update_access",
)  # fmt: skip
DEVICES_SYNTAX = Refusal(
    "cgroup.einval.devices", call="cgroup", errno=EINVAL, depends=ARGUMENTS,
    cause='a rule is not of the form "TYPE MAJOR:MINOR ACCESS"', source="security/device_cgroup.c devcgroup_update_access",
)  # fmt: skip
DEVICES_PARENT = Refusal(
    "cgroup.eperm.devices-parent", call="cgroup", errno=EPERM, depends=STATE,
    cause="a control group cannot allow what its parent does not", source="security/device_cgroup.c parent_has_perm",
)  # fmt: skip

# -- cpuset --

CPUSET_BEYOND = Refusal(
    "cgroup.einval.cpuset", call="cgroup", errno=EINVAL, depends=STATE,
    cause="the machine has no such processor or memory node", source="cpuset(7); kernel/cgroup/cpuset.c update_cpumask",
)  # fmt: skip
CPUSET_ROOT = Refusal(
    "cgroup.eacces.cpuset-root", call="cgroup", errno=EACCES, depends=STATE,
    cause="the root has all processors and memory nodes, always", source="cpuset(7); kernel/cgroup/cpuset.c update_cpumask",
    excuse="needs CAP_SYS_ADMIN over the host's own settings",
)  # fmt: skip
CPUSET_CHILDREN = Refusal(
    "cgroup.ebusy.cpuset", call="cgroup", errno=EBUSY, depends=STATE,
    cause="a child has what would be taken away", source="cpuset(7); kernel/cgroup/cpuset-v1.c cpuset1_validate_change",
)  # fmt: skip
CPUSET_PARENT = Refusal(
    "cgroup.eacces.cpuset-parent", call="cgroup", errno=EACCES, depends=STATE,
    cause="the parent does not have what is asked for", source="cpuset(7); kernel/cgroup/cpuset-v1.c cpuset1_validate_change",
)  # fmt: skip
CPUSET_POPULATED = Refusal(
    "cgroup.enospc.cpuset", call="cgroup", errno=ENOSPC, depends=STATE,
    cause="a cpuset with processes cannot become empty", source="cpuset(7); kernel/cgroup/cpuset.c validate_change",
)  # fmt: skip

# -- cpu, memory --

CPU_QUOTA = Refusal(
    "cgroup.einval.cpu-quota", call="cgroup", errno=EINVAL, depends=STATE,
    cause="quota and period would give a larger share of time than the parent has, or a smaller one than a child has",
    source="kernel/sched/core.c __cfs_schedulable",
)  # fmt: skip
MEMORY_ORDER = Refusal(
    "cgroup.einval.memory-order", call="cgroup", errno=EINVAL, depends=STATE,
    cause="the limit of memory would be above that of memory and swap", source="mm/memcontrol-v1.c mem_cgroup_resize_max",
)  # fmt: skip

# -- effects --

CGROUP_INHERITS = Effect(
    "clone.cgroup", call="clone",
    cause="a child starts in the control groups of its parent", source="cgroups(7); kernel/cgroup/cgroup.c cgroup_post_fork",
)  # fmt: skip
FROZEN_KEEPS_SIGNALS = Effect(
    "kill.frozen", call="kill",
    cause="a signal to a frozen process, be it SIGKILL, takes effect when it is thawed",
    source="Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst; kernel/freezer.c",
)  # fmt: skip

PAUSED_KEEPS_SIGNALS = Effect(
    "kill.paused", call="kill",
    cause="to a process that cgroup.freeze has frozen, a signal that would stop it, or make it dump core, takes effect when it "
    "is thawed; another one that ends it does so at once",
    source="cgroups(7); kernel/signal.c complete_signal; kernel/cgroup/freezer.c",
)  # fmt: skip
CGROUP_KILLS = Effect(
    "cgroup.kill", call="cgroup",
    cause="a 1 in cgroup.kill sends SIGKILL to every process in the unified control group and below it, the caller included",
    source="Documentation/admin-guide/cgroup-v2.rst; kernel/cgroup/cgroup.c cgroup_kill", since="5.14",
)  # fmt: skip

READ_CGROUP = (CGROUP_GONE, CGROUP_WRITE_ONLY)
WRITE_CGROUP = (
    CGROUP_TOO_LONG,
    CGROUP_GONE,
    CGROUP_READ_ONLY,
    CGROUP_ROOT,
    CGROUP_SYNTAX,
    CGROUP_RANGE,
    PROCS_SYNTAX,
    PROCS_NO_PROCESS,
    PROCS_OTHERS,
    PROCS_EMPTY_CPUSET,
    PROCS_ABOVE,
    PROCS_CONTROLS,
    THREADS_DOMAIN,
    CONTROL_UNAVAILABLE,
    CONTROL_IN_USE,
    CONTROL_POPULATED,
    DEVICES_UNPRIVILEGED,
    DEVICES_SYNTAX,
    DEVICES_HAS_CHILDREN,
    DEVICES_PARENT,
    CPUSET_ROOT,
    CPUSET_BEYOND,
    CPUSET_CHILDREN,
    CPUSET_PARENT,
    CPUSET_POPULATED,
    CPU_QUOTA,
    MEMORY_ORDER,
    CGROUP_KILLS,
)
"""The rows of read and write on account of a file of a control group."""
