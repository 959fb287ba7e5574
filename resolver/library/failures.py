"""What `resolve` raises. All of it is a `ResolverError`; what DNS said is in its `answer`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.errors import ResolverError
from resolver.protocol.codes import Rcode

if TYPE_CHECKING:
    from resolver.library.answer import Answer


class BadQuestion(ResolverError, ValueError):
    """Not a domain name, not a record type, not an address: nobody was asked."""


class Closed(ResolverError, RuntimeError):
    """The resolver is not open, or was closed before there was an answer."""


class ResolveError(ResolverError):
    """There is no record to give. The text says why, in the words of RFC 8914 where there are some.

    *answer* is what was found out all the same: rcode, security, how long a denial holds.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.name} {answer.rdtype.name}: {answer.why}")
        self.answer = answer

    def __reduce__(self) -> tuple[type[ResolveError], tuple[Answer]]:
        return type(self), (self.answer,)

    @property
    def why(self) -> str:
        """The reason without the name."""
        return self.answer.why


class NameNotFound(ResolveError):
    """NXDOMAIN: the name does not exist, nor does anything below it (RFC 8020)."""


class NoData(ResolveError):
    """The name exists, and has no records of this type (RFC 2308 §2.2)."""


class ServFail(ResolveError):
    """SERVFAIL: no answer can be had now. Asking again later may help."""


class Bogus(ServFail):
    """There are answers, and DNSSEC says that they are forged or broken (RFC 4035 §4.3)."""


def checked(answer: Answer) -> Answer:
    """*answer* if it has records; else raises the ResolveError that says what it has."""
    if answer.rcode == Rcode.NXDOMAIN:
        raise NameNotFound(answer)
    if answer.rcode == Rcode.SERVFAIL:
        raise (Bogus if answer.security == "bogus" else ServFail)(answer)
    if answer.rcode != Rcode.NOERROR:
        raise ResolveError(answer)
    if not answer:
        raise NoData(answer)
    return answer
