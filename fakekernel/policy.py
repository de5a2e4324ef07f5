"""What SELinux goes by: which contexts there are, and how they are written (security/selinux/ss/policydb.c, mls.c).

A real policy has some hundred thousand rules. Here is what the start of a container asks of one: is this a context, may a
runtime become it. What a domain may then do to files is not asked of anybody.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

OBJECT_ROLE = "object_r"
"""The role of files, which any type and any user may have."""

_CATEGORY = re.compile(r"c(0|[1-9][0-9]*)")
_SENSITIVITY = "s0"


class Context(NamedTuple):
    """A security context, taken apart."""

    user: str
    role: str
    type: str
    level: str

    def __str__(self) -> str:
        return ":".join(self)


@dataclass(frozen=True, slots=True)
class SelinuxPolicy:
    """A policy in the manner of Fedora's targeted one: one sensitivity, and categories c0 to c1023.

    `roles` are by user. Of the types, `domains` are those of processes, of which any role of a user's may have each;
    `unconfined` those of them that may do all that is modelled. `no_new_privs` are the domains that those may enter in spite
    of no_new_privs, or by a file on a mount with MS_NOSUID; `files` the other types.
    """

    roles: tuple[tuple[str, tuple[str, ...]], ...]
    domains: tuple[str, ...]
    unconfined: tuple[str, ...]
    no_new_privs: tuple[str, ...]
    files: tuple[str, ...]
    categories: int = 1024

    def context(self, text: str) -> str | None:
        """The context `text` as the kernel writes it; None where it is none of this policy (string_to_context_struct)."""
        user, _, rest = text.partition(":")
        role, _, rest = rest.partition(":")
        type, _, level = rest.partition(":")
        roles = dict(self.roles).get(user)
        written = self._level(level)
        if roles is None or written is None:
            return None
        is_file = role == OBJECT_ROLE and type in (*self.domains, *self.files)
        is_process = role in roles and type in self.domains
        return str(Context(user, role, type, written)) if is_file or is_process else None

    def _level(self, text: str) -> str | None:
        """A range of levels, or one that is both its ends."""
        low, dash, high = text.partition("-")
        lower, upper = self._categories(low), self._categories(high if dash else low)
        if lower is None or upper is None or not lower <= upper:
            return None
        return _written(lower) if lower == upper else f"{_written(lower)}-{_written(upper)}"

    def _categories(self, text: str) -> frozenset[int] | None:
        sensitivity, colon, rest = text.partition(":")
        if sensitivity != _SENSITIVITY:
            return None
        found: set[int] = set()
        for item in rest.split(",") if colon else ():
            ends = [self._category(end) for end in item.split(".")]
            first, last = ends[0], ends[-1]
            if len(ends) > 2 or first is None or last is None or (len(ends) == 2 and first >= last):
                return None
            found.update(range(first, last + 1))
        return frozenset(found)

    def _category(self, text: str) -> int | None:
        match = _CATEGORY.fullmatch(text)
        return int(match[1]) if match and len(text) < 6 and int(match[1]) < self.categories else None


def parts(context: str) -> Context:
    """A context that the policy has written, taken apart."""
    return Context(*context.split(":", 3))


def _written(categories: frozenset[int]) -> str:
    """A level: three categories and more in a row are a range (mls_sid_to_context)."""
    items: list[str] = []
    row: list[int] = []
    for category in (*sorted(categories), -1):
        if row and category != row[-1] + 1:
            items += [f"c{row[0]}.c{row[-1]}"] if len(row) > 2 else [f"c{each}" for each in row]
            row = []
        row.append(category)
    return f"{_SENSITIVITY}:{','.join(items)}" if items else _SENSITIVITY


CONTAINER_DOMAINS = ("svirt_lxc_net_t", "svirt_lxc_t", "svirt_t", "svirt_kvm_net_t", "container_t")

TARGETED = SelinuxPolicy(
    roles=(
        ("system_u", ("system_r",)),
        ("unconfined_u", ("system_r", "unconfined_r")),
        ("root", ("system_r", "unconfined_r")),
        ("staff_u", ("system_r", "unconfined_r")),
    ),
    domains=(*CONTAINER_DOMAINS, "kernel_t", "init_t", "unconfined_t", "unconfined_service_t", "docker_t", "spc_t"),
    unconfined=("kernel_t", "init_t", "unconfined_t", "unconfined_service_t", "docker_t", "spc_t"),
    no_new_privs=CONTAINER_DOMAINS,
    files=(
        "svirt_sandbox_file_t", "container_file_t", "docker_var_lib_t", "usr_t", "etc_t", "var_t", "var_lib_t", "tmp_t",
        "root_t", "default_t", "unlabeled_t", "device_t", "devpts_t", "user_devpts_t", "tmpfs_t", "user_home_t", "admin_home_t",
    ),
)  # fmt: skip
"""What the original met on Fedora and RHEL 7, as far as containers need it."""
