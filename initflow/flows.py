"""The flows: what a reader sees first."""

from initflow.configuration import Configuration
from initflow.flow import Flow, Group
from initflow.steps.death_signal import restore_parent_death_signal, save_parent_death_signal
from initflow.steps.devices import (
    bind_console,
    create_device_nodes,
    link_ptmx,
    link_standard_streams,
    reopen_dev_null,
)
from initflow.steps.entering import EXEC_IN, EXEC_IN_WITH_TERMINAL
from initflow.steps.execution import execute
from initflow.steps.finalize import FINALIZE_NAMESPACE
from initflow.steps.identity import set_hostname
from initflow.steps.labels import apply_apparmor_profile, detect_selinux, set_process_label
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
from initflow.steps.nsenter import NSENTER
from initflow.steps.parent import PARENT, PARENT_USERNS
from initflow.steps.preparation import (
    default_working_directory,
    join_existing_namespaces,
    load_environment,
    read_network_state,
    resolve_rootfs,
)
from initflow.steps.prologue import (
    arrange_descriptors,
    await_id_maps,
    become_group_root,
    become_root,
    change_to_rootfs,
    forget_groups,
    set_parent_death_signal,
    start_program,
)
from initflow.steps.restriction import restrict_kernel_files
from initflow.steps.root import enter_root, make_root_readonly, set_umask, switch_root
from initflow.steps.setup import find_host_root, read_container_state
from initflow.steps.starting import PLAIN_PROLOGUE
from initflow.steps.terminal import open_console, open_own_console, set_controlling_terminal, start_session

GO_PROLOGUE = Group(
    "",
    set_parent_death_signal,
    change_to_rootfs,
    arrange_descriptors,
    start_program,
    doc="What Go's runtime does in the child before the new program starts.",
)

GO_PROLOGUE_USERNS = Group(
    "",
    await_id_maps,
    set_parent_death_signal,  # lost again with the credentials
    forget_groups,
    become_group_root,
    become_root,
    change_to_rootfs,
    arrange_descriptors,
    start_program,
    doc="What Go's runtime does in the child before the new program starts, in a user namespace with maps and root's ids.",
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
        detect_selinux,
        refuse_mounts_without_namespace,
        SET_UP_MOUNT_NAMESPACE,
        set_hostname,
        apply_apparmor_profile,
        Group("set process label", set_process_label),
        restrict_kernel_files,
        Group("get parent death signal", save_parent_death_signal),
        FINALIZE_NAMESPACE,
        Group("restore parent death signal", restore_parent_death_signal),
        execute,
        doc="Turn the process that was cloned into the new namespaces into the container's first one.",
    ),
)

LIBCONTAINER_USERNS = Flow(
    "libcontainer-userns",
    "docker/libcontainer in January 2015, with a user namespace and a helper of the host that sets it up: warts included.",
    parent=PARENT_USERNS,
    prologue=GO_PROLOGUE_USERNS,
    helper=Group(
        "",
        EXEC_IN,
        NSENTER,
        Group(
            "",
            resolve_rootfs,
            load_environment,
            read_container_state,
            refuse_network_without_namespace,
            Group("setup networking", initialise_networks),
            Group("setup route", add_routes),
            detect_selinux,
            find_host_root,
            refuse_mounts_without_namespace,
            SET_UP_MOUNT_NAMESPACE,
            doc="Build the container's network and its tree of mounts, from inside its namespaces, with the host's rights.",
        ),
        doc="Three processes: one that sends another into the container, that one, and its child, which does the work.",
    ),
    init=Group(
        "",
        load_environment,
        read_network_state,  # the only barrier: the helper has finished, and the root is switched
        join_existing_namespaces,
        open_own_console,
        Group("setsid", start_session),
        Group("setctty", set_controlling_terminal),
        default_working_directory,
        Group("setup rlimits", set_limits),
        set_hostname,
        apply_apparmor_profile,
        Group("set process label", set_process_label),
        restrict_kernel_files,
        Group("get parent death signal", save_parent_death_signal),
        FINALIZE_NAMESPACE,
        Group("restore parent death signal", restore_parent_death_signal),
        execute,
        doc="Turn the process that was cloned into the new namespaces into the container's first one, once those are set up.",
    ),
)

LIBCONTAINER_SETNS = Flow(
    "libcontainer-setns",
    "docker/libcontainer in January 2015, bringing another process into a container that runs already: warts included.",
    parent=EXEC_IN_WITH_TERMINAL,
    prologue=PLAIN_PROLOGUE,  # without a parent death signal
    entering=NSENTER,
    init=Group(
        "",
        load_environment,
        Group("setup rlimits", set_limits),
        *FINALIZE_NAMESPACE.children,  # their errors have no prefix here
        apply_apparmor_profile,
        set_process_label,
        execute,
        doc="Turn the process that has entered all namespaces but that of the users into another one of the container.",
    ),
)

FLOWS: dict[str, Flow] = {flow.name: flow for flow in (LIBCONTAINER, LIBCONTAINER_USERNS, LIBCONTAINER_SETNS)}
"""By name: what a process is told to follow."""


def original_flow(configuration: Configuration) -> Flow:
    """The flow that the original follows: that with a user namespace where the list names one, be it to create or to join."""
    return LIBCONTAINER_USERNS if configuration.has_namespace("NEWUSER") else LIBCONTAINER
