"""The real kernel, each call a raw system call through ctypes on libc: `kernelapi.linux.kernel.linux()`."""
