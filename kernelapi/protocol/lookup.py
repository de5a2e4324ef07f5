"""The rules of the path walk (path_resolution(7), fs/namei.c)."""

from errno import EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR

from kernelapi.protocol.descriptors import NOT_OPEN
from kernelapi.protocol.proc import PROC_DIRECTORY, PROC_LINK
from kernelapi.rules import ARGUMENTS, STATE, Refusal

LOOKUP_EMPTY = Refusal(
    "lookup.enoent.empty", call="lookup", errno=ENOENT, depends=ARGUMENTS,
    cause="the path is empty", source="path_resolution(7); fs/namei.c getname_flags",
)  # fmt: skip
LOOKUP_PATH_TOO_LONG = Refusal(
    "lookup.enametoolong.path", call="lookup", errno=ENAMETOOLONG, depends=ARGUMENTS,
    cause="the path has more than 4095 bytes", source="path_resolution(7); fs/namei.c getname_flags",
)  # fmt: skip
LOOKUP_NOT_A_DIRECTORY = Refusal(
    "lookup.enotdir", call="lookup", errno=ENOTDIR, depends=STATE,
    cause="a component used as a directory is not one", source="path_resolution(7); fs/namei.c link_path_walk",
)  # fmt: skip
LOOKUP_NO_SEARCH = Refusal(
    "lookup.eacces.search", call="lookup", errno=EACCES, depends=STATE,
    cause="a directory of the path gives the caller no search permission",
    source="path_resolution(7); fs/namei.c may_lookup",
)  # fmt: skip
LOOKUP_NAME_TOO_LONG = Refusal(
    "lookup.enametoolong.name", call="lookup", errno=ENAMETOOLONG, depends=ARGUMENTS,
    cause="a component has more than 255 bytes", source="path_resolution(7); fs/namei.c link_path_walk",
)  # fmt: skip
LOOKUP_MISSING = Refusal(
    "lookup.enoent.missing", call="lookup", errno=ENOENT, depends=STATE,
    cause="a component does not exist", source="path_resolution(7); fs/namei.c walk_component",
)  # fmt: skip
LOOKUP_DIRFD_NOT_A_DIRECTORY = Refusal(
    "lookup.enotdir.dirfd", call="lookup", errno=ENOTDIR, depends=STATE,
    cause="the path is relative to a descriptor that is not a directory", source="openat(2); fs/namei.c path_init",
)  # fmt: skip
LOOKUP_TOO_MANY_LINKS = Refusal(
    "lookup.eloop", call="lookup", errno=ELOOP, depends=STATE,
    cause="more than 40 symbolic links were followed", source="path_resolution(7); fs/namei.c pick_link",
)  # fmt: skip
LOOKUP_STICKY_LINK = Refusal(
    "lookup.eacces.sticky-link", call="lookup", errno=EACCES, depends=STATE,
    cause="fs.protected_symlinks is on, and the link that ends the path stands in a sticky directory that everybody may write, "
    "owned neither by the caller nor by the directory's owner",
    source="proc_sys_fs(5); fs/namei.c may_follow_link", excuse="needs CAP_SYS_ADMIN over the host's own settings",
)  # fmt: skip
LOOKUP_NOSYMFOLLOW = Refusal(
    "lookup.eloop.nosymfollow", call="lookup", errno=ELOOP, depends=STATE,
    cause="a symbolic link stands on a mount with MS_NOSYMFOLLOW", source="mount(2); fs/namei.c pick_link",
    since="5.10",
)  # fmt: skip

LOOKUP = (
    LOOKUP_EMPTY,
    LOOKUP_PATH_TOO_LONG,
    NOT_OPEN,
    LOOKUP_DIRFD_NOT_A_DIRECTORY,
    LOOKUP_NO_SEARCH,
    *PROC_DIRECTORY,
    LOOKUP_NAME_TOO_LONG,
    LOOKUP_MISSING,
    LOOKUP_TOO_MANY_LINKS,
    LOOKUP_STICKY_LINK,
    LOOKUP_NOSYMFOLLOW,
    *PROC_LINK,
    LOOKUP_NOT_A_DIRECTORY,
)
"""The rows of every path walk."""
