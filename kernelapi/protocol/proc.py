"""How the files of proc refuse (proc(5), fs/proc): rows of open, read, write, getdents64, readlink and every walk through proc.

A row of one file alone is named after it. The files that describe namespaces have rows of their own (`namespace_files`).
"""

from errno import EACCES, EINVAL, ENOENT, EPERM, ESRCH

from kernelapi.rules import ARGUMENTS, STATE, Refusal

PROC_GONE = Refusal(
    "proc.esrch.gone", call="proc", errno=ESRCH, depends=STATE,
    cause="the process whose file or directory this is has been reaped",
    source="proc(5); fs/proc/base.c proc_single_show, proc_pid_permission",
)  # fmt: skip
PROC_LISTING_GONE = Refusal(
    "proc.enoent.gone", call="proc", errno=ENOENT, depends=STATE,
    cause="the process whose directory is listed has been reaped",
    source="fs/proc/base.c proc_pident_readdir, fs/proc/fd.c proc_readfd_common",
)  # fmt: skip
PROC_COUNT_GONE = Refusal(
    "proc.enoent.count", call="proc", errno=ENOENT, depends=STATE,
    cause="the process whose descriptors were to be counted has been reaped: the size of its directory fd is how many it has",
    source="fs/proc/fd.c proc_readfd_count", since="6.2",
)  # fmt: skip
PROC_DESCRIPTOR_GONE = Refusal(
    "proc.enoent.descriptor", call="proc", errno=ENOENT, depends=STATE,
    cause="the descriptor of which the file in fdinfo tells has been closed, or its process has ended",
    source="proc(5), /proc/pid/fdinfo; fs/proc/fd.c seq_show",
)  # fmt: skip
PROC_NOT_TRACEABLE = Refusal(
    "proc.eacces.ptrace", call="proc", errno=EACCES, depends=STATE,
    cause="the caller may not trace the process (PTRACE_MODE_READ_FSCREDS): other ids, fewer capabilities, or not dumpable",
    source="ptrace(2), \"Ptrace access mode checking\"; fs/proc/base.c proc_fd_access_allowed, fs/proc/namespaces.c",
)  # fmt: skip
PROC_NOTHING_BEHIND = Refusal(
    "proc.enoent.nothing", call="proc", errno=ENOENT, depends=STATE,
    cause="the process has nothing behind this link: a zombie has no executable, no root and no namespaces but two",
    source="fs/proc/base.c proc_pid_get_link, fs/nsfs.c ns_get_path",
)  # fmt: skip
PROC_NAMESPACES_GONE = Refusal(
    "proc.eacces.gone", call="proc", errno=EACCES, depends=STATE,
    cause="the process whose namespace is behind this link has been reaped: who it was, nobody can be asked any more",
    source="fs/proc/namespaces.c proc_ns_get_link, proc_ns_readlink",
)  # fmt: skip
PROC_HIDDEN = Refusal(
    "proc.eperm.hidepid", call="proc", errno=EPERM, depends=STATE,
    cause="proc is mounted with hidepid=1 and the caller may not trace the process",
    source="proc(5), \"hidepid\"; fs/proc/base.c proc_pid_permission",
)  # fmt: skip
PROC_INVISIBLE = Refusal(
    "proc.enoent.hidepid", call="proc", errno=ENOENT, depends=STATE,
    cause="proc is mounted with hidepid=2 or 4 and the caller may not trace the process",
    source="proc(5), \"hidepid\"; fs/proc/base.c proc_pid_permission",
)  # fmt: skip
# Long a zombie's environ could be opened and was empty; 6.18 refuses.
PROC_ZOMBIE_MEMORY = Refusal(
    "proc.esrch.memory", call="proc", errno=ESRCH, depends=STATE,
    cause="a zombie has no memory that environ could show", source="fs/proc/base.c proc_mem_open",
)  # fmt: skip
PROC_ZOMBIE_MOUNTS = Refusal(
    "proc.einval.mounts", call="proc", errno=EINVAL, depends=STATE,
    cause="a zombie has no mount namespace that mounts or mountinfo could show",
    source="fs/proc_namespace.c mounts_open_common",
)  # fmt: skip
PROC_OTHERS_NAME = Refusal(
    "proc.einval.comm", call="proc", errno=EINVAL, depends=STATE,
    cause="a process may name only its own threads", source="proc(5), /proc/pid/comm; fs/proc/base.c comm_write",
)  # fmt: skip
PROC_OOM_SYNTAX = Refusal(
    "proc.einval.oom-score-adj", call="proc", errno=EINVAL, depends=ARGUMENTS,
    cause="oom_score_adj takes a decimal number between -1000 and 1000",
    source="proc(5), /proc/pid/oom_score_adj; fs/proc/base.c oom_score_adj_write",
)  # fmt: skip
PROC_OOM_LOWERED = Refusal(
    "proc.eacces.oom-score-adj", call="proc", errno=EACCES, depends=STATE,
    cause="oom_score_adj cannot go below the lowest value that CAP_SYS_RESOURCE has set, without that capability",
    source="proc(5), /proc/pid/oom_score_adj; fs/proc/base.c __set_oom_adj",
)  # fmt: skip
PROC_NOT_THE_OPENER = Refusal(
    "proc.eperm.attr", call="proc", errno=EPERM, depends=STATE,
    cause="security attributes are written by the program that opened them, and only its own: not by a child, nor after exec",
    source="fs/proc/base.c proc_pid_attr_write",
)  # fmt: skip
PROC_OTHERS_LABEL = Refusal(
    "proc.eacces.attr", call="proc", errno=EACCES, depends=STATE,
    cause="a task writes only its own security attributes: not those of another one in the same memory",
    source="fs/proc/base.c proc_pid_attr_write",
    excuse="needs a threaded caller, or one in shared memory",
)  # fmt: skip
PROC_NO_LSM = Refusal(
    "proc.einval.attr", call="proc", errno=EINVAL, depends=STATE,
    cause="no security module is on, or the one that is does not know this attribute, or this value of it",
    source="security/security.c security_setprocattr; security/apparmor/lsm.c do_setattr; security/selinux/hooks.c",
)  # fmt: skip
PROC_NO_PROFILE = Refusal(
    "proc.enoent.attr", call="proc", errno=ENOENT, depends=STATE,
    cause="no profile of that name is loaded",
    source="security/apparmor/domain.c aa_change_profile",
    excuse="needs an LSM: AppArmor",
)  # fmt: skip
PROC_PROFILE_DENIED = Refusal(
    "proc.eacces.profile", call="proc", errno=EACCES, depends=STATE,
    cause="the caller's AppArmor profile has no rule that lets it change to that one",
    source="security/apparmor/domain.c change_profile_perms",
    excuse="needs an LSM: AppArmor",
)  # fmt: skip
PROC_PROFILE_NO_NEW_PRIVS = Refusal(
    "proc.eperm.profile", call="proc", errno=EPERM, depends=STATE,
    cause="no_new_privs is set, and a confined caller could do more under that AppArmor profile than under its own",
    source="security/apparmor/domain.c aa_change_profile",
    excuse="needs an LSM: AppArmor",
)  # fmt: skip
SYSCTL_ACCESS = Refusal(
    "proc.eacces.sysctl", call="proc", errno=EACCES, depends=STATE,
    cause="the mode of the parameter does not let the caller: no capability overrides it, and only uid 0 of the host owns it",
    source="proc(5), /proc/sys; fs/proc/proc_sysctl.c sysctl_perm",
)  # fmt: skip
SYSCTL_SYNTAX = Refusal(
    "proc.einval.sysctl", call="proc", errno=EINVAL, depends=ARGUMENTS,
    cause="the parameter takes a number, in its range", source="kernel/sysctl.c do_proc_dointvec, proc_dointvec_minmax",
)  # fmt: skip

PROC_DIRECTORY = (PROC_GONE, PROC_HIDDEN, PROC_INVISIBLE, SYSCTL_ACCESS)
PROC_LINK = (PROC_NOTHING_BEHIND, PROC_NAMESPACES_GONE, PROC_NOT_TRACEABLE)
"""The rows of a walk, on account of a directory that it goes through, and of a link that it follows."""

OPEN_PROC = (PROC_ZOMBIE_MEMORY, PROC_ZOMBIE_MOUNTS)
READ_PROC = (PROC_GONE, PROC_DESCRIPTOR_GONE, PROC_NO_LSM)
WRITE_PROC = (
    PROC_GONE,
    PROC_OTHERS_NAME,
    PROC_OOM_SYNTAX,
    PROC_OOM_LOWERED,
    PROC_NOT_THE_OPENER,
    PROC_OTHERS_LABEL,
    PROC_NO_LSM,
    PROC_NO_PROFILE,
    PROC_PROFILE_DENIED,
    PROC_PROFILE_NO_NEW_PRIVS,
    SYSCTL_SYNTAX,
)
LIST_PROC = (PROC_LISTING_GONE, PROC_NOT_TRACEABLE)
"""The rows of open, read, write and getdents64 on account of a file of proc."""
