"""Families: the names that a row has in the place of a call's, since several calls share it.

A row of a family stands among the rows of each call that it concerns, like any other; the name says why they share it.
"""

from collections.abc import Mapping

FAMILIES: Mapping[str, str] = {
    "descriptor": "what a descriptor refers to, and getting a new one",
    "sockets": "what only a socket can do",
    "lookup": "every walk along a path",
    "create": "a new entry in a directory",
    "remove": "an entry that leaves its directory",
    "attributes": "a change of mode, owner or attributes",
    "credentials": "new credentials, whichever call made them",
    "prctl_cap_ambient": "the operations on the ambient set",
    "newns": "new namespaces, by clone or unshare",
    "newuser": "a new user namespace",
    "userns": "entering a user namespace, new or not",
    "idmap": "the files uid_map, gid_map and setgroups of proc",
    "timens": "the file timens_offsets of proc",
    "proc": "the other files of proc",
    "cgroup": "the files of a control group",
    "seccomp": "a filter of system calls, set by seccomp or prctl",
    "ioctl": "the operations of ioctl on a terminal",
    "rtnetlink": "requests about links, addresses and routes: sendmsg takes them, and the errno is in the message that answers",
}
"""What the rows of each family are about."""
