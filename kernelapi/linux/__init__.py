"""The real kernel: each call of the protocol as a raw system call, through ctypes on libc."""
