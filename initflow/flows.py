"""The flows: what a reader sees first."""

from initflow.flow import Flow, Group
from initflow.steps.death_signal import restore_parent_death_signal, save_parent_death_signal
from initflow.steps.devices import (
    bind_console,
    create_device_nodes,
    link_ptmx,
    link_standard_streams,
    reopen_dev_null,
)
from initflow.steps.execution import execute
from initflow.steps.finalize import FINALIZE_NAMESPACE
from initflow.steps.identity import apply_apparmor_profile, set_hostname, set_process_label
from initflow.steps.limits import set_limits
from initflow.steps.mounts import (
    bind_root,
    cut_propagation,
    has_mount_namespace,
    mount_configured,
    mount_system,
    refuse_mounts_without_namespace,
)
from initflow.steps.network import add_routes, initialise_networks, refuse_network_without_namespace
from initflow.steps.parent import PARENT
from initflow.steps.preparation import (
    join_existing_namespaces,
    load_environment,
    read_network_state,
    resolve_rootfs,
)
from initflow.steps.prologue import arrange_descriptors, change_to_rootfs, set_parent_death_signal, start_program
from initflow.steps.restriction import restrict_kernel_files
from initflow.steps.root import enter_root, make_root_readonly, set_umask, switch_root
from initflow.steps.terminal import open_console, set_controlling_terminal, start_session

GO_PROLOGUE = Group(
    "",
    set_parent_death_signal,
    change_to_rootfs,
    arrange_descriptors,
    start_program,
    doc="What Go's runtime does in the child before the new program starts.",
)

SET_UP_MOUNT_NAMESPACE = Group(
    "setup mount namespace",
    cut_propagation,
    bind_root,
    mount_system,
    mount_configured,
    Group("create device nodes", create_device_nodes),
    link_ptmx,
    bind_console,
    Group("Failed to reopen /dev/null", reopen_dev_null),
    link_standard_streams,
    enter_root,
    switch_root,
    make_root_readonly,
    set_umask,
    when=has_mount_namespace,
    doc="Build the container's tree of mounts and make it the root.",
)

LIBCONTAINER = Flow(
    "libcontainer",
    "docker/libcontainer in January 2015, without user namespaces: warts included.",
    parent=PARENT,
    prologue=GO_PROLOGUE,
    init=Group(
        "",
        resolve_rootfs,
        load_environment,
        read_network_state,  # the only barrier: the parent has finished its side
        join_existing_namespaces,
        open_console,
        Group("setsid", start_session),
        Group("setctty", set_controlling_terminal),
        refuse_network_without_namespace,
        Group("setup networking", initialise_networks),
        Group("setup route", add_routes),
        Group("setup rlimits", set_limits),
        refuse_mounts_without_namespace,
        SET_UP_MOUNT_NAMESPACE,
        set_hostname,
        apply_apparmor_profile,
        set_process_label,
        restrict_kernel_files,
        Group("get parent death signal", save_parent_death_signal),
        FINALIZE_NAMESPACE,
        Group("restore parent death signal", restore_parent_death_signal),
        execute,
        doc="Turn the process that was cloned into the new namespaces into the container's first one.",
    ),
)

FLOWS: dict[str, Flow] = {LIBCONTAINER.name: LIBCONTAINER}
"""By name: what a process is told to follow."""
