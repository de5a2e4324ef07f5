"""proc: processes and parameters of the kernel as files (proc(5), fs/proc). Importing it makes the type known."""

from fakekernel.procfs import attributes, instance, links, maps, mounts, namespaces, status, sys, system, timens, top

__all__ = ["attributes", "instance", "links", "maps", "mounts", "namespaces", "status", "sys", "system", "timens", "top"]
