"""The files below /proc/PID that describe a namespace: its id maps, and the offsets of its clocks (user_namespaces(7),
time_namespaces(7), kernel/user_namespace.c, kernel/time/namespace.c)."""

from errno import EACCES, EINVAL, EPERM, ERANGE

from kernelapi.rules import ARGUMENTS, STATE, Refusal

# -- the files uid_map, gid_map and setgroups --

IDMAP_INITIAL = Refusal(
    "idmap.eperm.initial", call="idmap", errno=EPERM, depends=STATE,
    cause="the maps of the initial user namespace cannot be written",
    source="user_namespaces(7); kernel/user_namespace.c proc_uid_map_write",
)  # fmt: skip
IDMAP_OPENER_OUTSIDE = Refusal(
    "idmap.eperm.opener", call="idmap", errno=EPERM, depends=STATE,
    cause="whoever opened the file is neither in the user namespace nor in its parent",
    source="user_namespaces(7); kernel/user_namespace.c proc_uid_map_write",
)  # fmt: skip
IDMAP_TOO_LONG = Refusal(
    "idmap.einval.length", call="idmap", errno=EINVAL, depends=ARGUMENTS,
    cause="the write is not at the file's beginning, or of a page (4096 bytes) or more",
    source="user_namespaces(7); kernel/user_namespace.c map_write",
)  # fmt: skip
IDMAP_TWICE = Refusal(
    "idmap.eperm.twice", call="idmap", errno=EPERM, depends=STATE,
    cause="the map has been written before", source="user_namespaces(7); kernel/user_namespace.c map_write",
)  # fmt: skip
IDMAP_UNPRIVILEGED = Refusal(
    "idmap.eperm.unprivileged", call="idmap", errno=EPERM, depends=STATE,
    cause="whoever opened the file has no CAP_SYS_ADMIN over the user namespace",
    source="kernel/user_namespace.c map_write",
)  # fmt: skip
IDMAP_SYNTAX = Refusal(
    "idmap.einval.syntax", call="idmap", errno=EINVAL, depends=ARGUMENTS,
    cause="a line is not three decimal numbers, or there is none",
    source="user_namespaces(7); kernel/user_namespace.c map_write",
)  # fmt: skip
IDMAP_INVALID_ID = Refusal(
    "idmap.einval.id", call="idmap", errno=EINVAL, depends=ARGUMENTS,
    cause="an extent begins at id 4294967295, is of length 0, or wraps around",
    source="user_namespaces(7); kernel/user_namespace.c map_write",
)  # fmt: skip
IDMAP_OVERLAP = Refusal(
    "idmap.einval.overlap", call="idmap", errno=EINVAL, depends=ARGUMENTS,
    cause="two extents overlap, inside or in the parent",
    source="user_namespaces(7); kernel/user_namespace.c mappings_overlap",
)  # fmt: skip
IDMAP_TOO_MANY = Refusal(
    "idmap.einval.lines", call="idmap", errno=EINVAL, depends=ARGUMENTS,
    cause="there are more than 340 lines", source="user_namespaces(7); kernel/user_namespace.c map_write",
)  # fmt: skip
IDMAP_ROOT_SETFCAP = Refusal(
    "idmap.eperm.root", call="idmap", errno=EPERM, depends=STATE,
    cause="user id 0 of the parent is mapped, and the writer inside was made by a process without CAP_SETFCAP, or the writer "
    "in the parent has no CAP_SETFCAP over it",
    source="user_namespaces(7); kernel/user_namespace.c verify_root_map", since="5.12",
)  # fmt: skip
IDMAP_UNPERMITTED = Refusal(
    "idmap.eperm.mapping", call="idmap", errno=EPERM, depends=STATE,
    cause="without CAP_SETUID (gid_map: CAP_SETGID) over the parent, now and when the file was opened, the one thing that may "
    "be mapped is the owner's own effective id, and its group only after setgroups was denied",
    source="user_namespaces(7); kernel/user_namespace.c new_idmap_permitted",
)  # fmt: skip
IDMAP_PARENT_UNMAPPED = Refusal(
    "idmap.eperm.parent", call="idmap", errno=EPERM, depends=STATE,
    cause="an extent has no mapping in the parent user namespace",
    source="user_namespaces(7); kernel/user_namespace.c map_write",
)  # fmt: skip
WRITE_IDMAP = (
    IDMAP_INITIAL, IDMAP_OPENER_OUTSIDE, IDMAP_TOO_LONG, IDMAP_TWICE, IDMAP_UNPRIVILEGED, IDMAP_SYNTAX, IDMAP_INVALID_ID,
    IDMAP_OVERLAP, IDMAP_TOO_MANY, IDMAP_ROOT_SETFCAP, IDMAP_UNPERMITTED, IDMAP_PARENT_UNMAPPED,
)  # fmt: skip
"""The rows of a write to uid_map or gid_map."""

SETGROUPS_FILE_OPEN = Refusal(
    "idmap.eacces.setgroups", call="idmap", errno=EACCES, depends=STATE,
    cause="opening /proc/PID/setgroups for writing without CAP_SYS_ADMIN over the user namespace",
    source="kernel/user_namespace.c, fs/proc/base.c proc_setgroups_open",
)  # fmt: skip
SETGROUPS_FILE_TEXT = Refusal(
    "idmap.einval.setgroups", call="idmap", errno=EINVAL, depends=ARGUMENTS,
    cause="the write is not at the file's beginning, of 8 bytes or more, or not the word allow or deny",
    source="user_namespaces(7); kernel/user_namespace.c proc_setgroups_write",
)  # fmt: skip
SETGROUPS_FILE_DENIED = Refusal(
    "idmap.eperm.setgroups-denied", call="idmap", errno=EPERM, depends=STATE,
    cause="allow after setgroups was denied", source="user_namespaces(7); kernel/user_namespace.c proc_setgroups_write",
)  # fmt: skip
SETGROUPS_FILE_MAPPED = Refusal(
    "idmap.eperm.setgroups-mapped", call="idmap", errno=EPERM, depends=STATE,
    cause="deny after gid_map was written", source="user_namespaces(7); kernel/user_namespace.c proc_setgroups_write",
)  # fmt: skip

# -- the file timens_offsets --

OFFSETS_SYNTAX = Refusal(
    "timens.einval", call="timens", errno=EINVAL, depends=ARGUMENTS,
    cause="the write is not at the file's beginning, of a page (4096 bytes) or more, or a line is not the name of a clock, "
    "seconds, and nanoseconds below 1000000000",
    source="time_namespaces(7); fs/proc/base.c timens_offsets_write",
)  # fmt: skip
OFFSETS_UNPRIVILEGED = Refusal(
    "timens.eperm", call="timens", errno=EPERM, depends=STATE,
    cause="whoever opened the file has no CAP_SYS_TIME over the owner of the time namespace",
    source="time_namespaces(7); kernel/time/namespace.c proc_timens_set_offset",
)  # fmt: skip
OFFSETS_RANGE = Refusal(
    "timens.erange", call="timens", errno=ERANGE, depends=STATE,
    cause="the clock would be negative, or beyond 146 years",
    source="time_namespaces(7); kernel/time/namespace.c proc_timens_set_offset",
)  # fmt: skip
OFFSETS_FROZEN = Refusal(
    "timens.eacces", call="timens", errno=EACCES, depends=STATE,
    cause="a process has been in the time namespace",
    source="time_namespaces(7); kernel/time/namespace.c proc_timens_set_offset",
)  # fmt: skip
OPEN_NAMESPACE_FILE = (SETGROUPS_FILE_OPEN,)
WRITE_NAMESPACE_FILE = (
    WRITE_IDMAP,
    SETGROUPS_FILE_TEXT,
    SETGROUPS_FILE_DENIED,
    SETGROUPS_FILE_MAPPED,
    OFFSETS_SYNTAX,
    OFFSETS_UNPRIVILEGED,
    OFFSETS_RANGE,
    OFFSETS_FROZEN,
)
"""The rows of open and of write on account of these files."""
