"""Which calls go together: a program is mostly about one theme. What stands there more often is chosen more often.

"request" is sendmsg on a netlink socket.
"""

_ATTRIBUTES = """
    prctl_get_keepcaps prctl_get_securebits prctl_get_no_new_privs prctl_get_dumpable prctl_get_pdeathsig prctl_get_seccomp
"""

THEMES: dict[str, tuple[str, ...]] = {
    theme: tuple(names.split())
    for theme, names in {
        "identity": """
            setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capset capset capget
            prctl_capbset_drop prctl_cap_ambient_raise prctl_cap_ambient_lower prctl_set_securebits prctl_set_keepcaps
            unshare execve open chown kill clone getgroups prctl_capbset_read prctl_cap_ambient_is_set
            prctl_cap_ambient_clear_all prctl_cap_ambient_clear_all
        """ + _ATTRIBUTES,
        "execution": """
            execve execve execve execve execveat execveat prctl_set_keepcaps prctl_set_securebits capset
            prctl_set_no_new_privs prctl_set_no_new_privs prctl_set_dumpable setresuid setresgid prctl_capbset_drop
            prctl_cap_ambient_raise chmod chown setxattr lsetxattr getxattr getxattr seccomp_set_mode_filter
            seccomp_set_mode_filter prctl_set_seccomp prctl_set_seccomp unshare clone mount open setuid
            prctl_set_pdeathsig fcntl_setfd prctl_set_name prctl_get_name prctl_get_name prctl_get_child_subreaper
            prctl_cap_ambient_is_set prctl_cap_ambient_lower close_range prctl_get_dumpable lgetxattr
        """ + _ATTRIBUTES,
        "namespaces": """
            unshare unshare clone clone setns setns setns open open open write write pidfd_open setuid setresuid
            capset sethostname uname setgroups kill readlink getpid execve exit_group wait4 chroot getppid
            setdomainname clock_gettime clock_nanosleep
        """,
        "processes": """
            clone clone clone kill kill kill wait4 wait4 wait4 exit_group setpgid setpgid setsid rt_sigaction
            rt_sigprocmask rt_sigpending prctl_set_pdeathsig prctl_set_child_subreaper prctl_set_child_subreaper
            prctl_set_child_subreaper getppid getppid getpgid getsid pidfd_open prlimit64 execve setresuid unshare
            getpgrp gettid gettid gettid getrlimit getrlimit clock_nanosleep clock_gettime prctl_set_name
            prctl_get_name prctl_get_child_subreaper prctl_get_pdeathsig seccomp_set_mode_filter prctl_set_seccomp
            prctl_set_no_new_privs
        """,
        "terminals": """
            open open ioctl_tiocsptlck ioctl_tiocgptn ioctl_tiocgptn ioctl_tiocsctty ioctl_tiocsctty ioctl_tiocnotty
            ioctl_tiocnotty ioctl_tiocspgrp ioctl_tiocspgrp ioctl_tiocgpgrp ioctl_tiocgpgrp ioctl_tiocgpgrp
            ioctl_tiocgsid ioctl_tiocgsid ioctl_tiocswinsz ioctl_tiocswinsz ioctl_tiocswinsz ioctl_tiocgwinsz
            ioctl_tiocgwinsz setsid setsid clone setpgid close write read exit_group dup kill fchmod fstat getsid
            getpgrp
        """,
        "descriptors": """
            open open pipe pipe2 close dup dup2 dup3 dup3 fcntl_dupfd fcntl_dupfd fcntl_dupfd_cloexec
            fcntl_dupfd_cloexec fcntl_getfd fcntl_getfd fcntl_setfd fcntl_setfd fcntl_setfl fcntl_getfl read read
            write write lseek lseek lseek fstat close_range close_range clone mknod openat setrlimit getdents64
            getrandom getrandom getrlimit prlimit64 clock_gettime clock_nanosleep
        """,
        "sockets": """
            socketpair socketpair sendmsg sendmsg sendmsg sendmsg recvmsg recvmsg recvmsg shutdown close read write
            clone open pipe2 fcntl_getfl fcntl_setfl dup kill
        """,
        "files": """
            open open openat mkdir mkdirat rmdir unlink unlinkat unlinkat unlinkat mknod mknodat symlink symlinkat
            symlinkat symlinkat link linkat linkat rename renameat2 renameat2 renameat2 renameat2 readlink readlink
            readlinkat stat lstat newfstatat access chmod chown chdir fchdir getcwd setresuid setfsuid capset
            getdents64 write statfs lchown fchownat getxattr lgetxattr
        """,
        "attributes": """
            open open openat mkdirat symlink mknodat linkat umask umask stat lstat lstat newfstatat newfstatat fstat
            access faccessat2 faccessat2 statfs fstatfs fstatfs chmod fchmod fchmodat fchmodat fchmodat chown lchown
            lchown lchown fchown fchown fchown fchownat fchownat fchownat setxattr lsetxattr lsetxattr getxattr
            lgetxattr lgetxattr readlink setresuid setresgid setfsuid setfsgid setgroups capset getrandom write mount
            unshare
        """,
        "mounts": """
            mount mount mount mount mount mount umount2 umount2 pivot_root chroot chdir fchdir getcwd open clone
            unshare setns mkdir rename rmdir stat write access setresuid statfs fstatfs
        """,
        "network": """
            socket request request request request request recvmsg recvmsg recvmsg bind bind getsockname
            ioctl_siocbraddif ioctl_siocbraddif unshare setns clone shutdown capset uname uname sethostname
            setdomainname
        """,
    }.items()
}

PHRASES_OF: dict[str, tuple[str, ...]] = {
    "identity": ("become", "lower", "map", "map oneself", "capable file", "run", "confined"),
    "execution": ("run", "no exec", "own program", "capable file", "become", "map oneself", "own group"),
    "namespaces": ("map", "map oneself", "enter", "enter by pidfd", "apart", "offsets", "short life", "become"),
    "processes": ("short life", "own group", "pending", "death signal", "limit", "become", "apart", "of the dead"),
    "terminals": ("terminal", "session", "own group", "death signal"),
    "descriptors": ("pipe", "limit", "through", "of the dead", "tree"),
    "sockets": ("pair", "pair", "pipe", "limit"),
    "files": ("sticky", "tree", "links", "group directory", "become", "lower", "through", "read-only", "map oneself"),
    "attributes": ("sticky", "links", "group directory", "lower", "through", "read-only", "map oneself", "capable file"),
    "mounts": (
        "mounted", "propagated", "moved", "read-only", "pivot", "confined", "in a user namespace", "enter", "become",
    ),
    "network": ("network", "network", "enter", "become"),
}  # fmt: skip
"""Which phrases go with a theme, by their names."""
