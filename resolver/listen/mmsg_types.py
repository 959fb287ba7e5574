r"""The C side of `listen.mmsg`, as cffi's compiler has it: so no start has to parse C (40 ms).

`TYPES`, `GLOBALS` and `STRUCTS` are what `cffi.FFI.emit_python_code` makes of `DECLARATIONS`; a
test makes them anew and compares.
"""

from __future__ import annotations

from typing import Any, Final

DECLARATIONS: Final = """
struct iovec { void *iov_base; size_t iov_len; };
struct msghdr { void *msg_name; uint32_t msg_namelen; struct iovec *msg_iov; size_t msg_iovlen;
                void *msg_control; size_t msg_controllen; int msg_flags; };
struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags, void *timeout);
int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags);
"""
NAME: Final = "resolver.listen.mmsg"
VERSION: Final = 0x2601  # of the form, which cffi has kept since 2015
TYPES: Final = bytes.fromhex(
    "0000010d 00000701 00001003 00000801 00000701 0000000f 0000010d 00000701 00000211 00000801"
    "00000701 00001303 0000000f 00001c01 00000f03 00000009 00000109 00000209 00001601 00000001"
)
GLOBALS: Final = (b"\0\0\x06\x23recvmmsg", 0, b"\0\0\0\x23sendmmsg", 0)
STRUCTS: Final = (
    (b"\0\0\0\x0f\0\0\0\x02iovec", b"\0\0\x0b\x11iov_base", b"\0\0\x0d\x11iov_len"),
    (b"\0\0\0\x10\0\0\0\x02mmsghdr", b"\0\0\x11\x11msg_hdr", b"\0\0\x03\x11msg_len"),
    (
        b"\0\0\0\x11\0\0\0\x02msghdr", b"\0\0\x0b\x11msg_name", b"\0\0\x12\x11msg_namelen",
        b"\0\0\x0e\x11msg_iov", b"\0\0\x0d\x11msg_iovlen", b"\0\0\x0b\x11msg_control",
        b"\0\0\x0d\x11msg_controllen", b"\0\0\x01\x11msg_flags",
    ),
)  # fmt: skip


def view() -> Any:
    """cffi's view of them. Raises ImportError without cffi, or where its form is another."""
    import _cffi_backend  # noqa: PLC0415

    return _cffi_backend.FFI(
        NAME, _version=VERSION, _types=TYPES, _globals=GLOBALS, _struct_unions=STRUCTS
    )
