from errno import EPERM

from fakekernel import subject as simulated
from kernelapi.testing import linux as real
from kernelapi.testing.case import Case, refused


def groups_cannot_change_after_the_user(kernel):
    kernel.setuid(1000)
    refused(EPERM, kernel.setgroups, ())


print(simulated.run(Case(groups_cannot_change_after_the_user)))  # anywhere
print(real.run(Case(groups_cannot_change_after_the_user)))  # as root: in fresh namespaces, under a deadline
