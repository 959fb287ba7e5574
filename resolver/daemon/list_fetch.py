"""A process of its own, at a low priority: one step of a list's download, over HTTPS.

    python -m resolver.daemon.list_fetch < job > outcome

It is told which addresses the host has, and connects to nobody else; the certificate must be the
host's. A redirect is told, not followed: who started it looks the next host up, and may not want to
go there. RFC 9110 §13 (conditional requests).
"""

from __future__ import annotations

import hashlib
import os
import ssl
import sys
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

import httpx2
import msgspec

from resolver import __version__
from resolver.daemon import child_life
from resolver.daemon.list_job import Fetched, FetchJob
from resolver.errors import WireError
from resolver.limits import LIST_DOWNLOAD_SECONDS, LIST_OCTETS

if TYPE_CHECKING:
    from collections.abc import Iterator

_OK, _SAME = 200, 304
# One of them unpacks what is read at a time, 64 KiB, to 66 MB at most. One in another does so
# twice, and others have no bound.
_CODINGS: Final = ("", "identity", "gzip", "x-gzip", "deflate")
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


def fetched(job: FetchJob) -> Fetched:
    """One request, at the first address that takes it."""
    trouble = "its host has no address"
    until = time.monotonic() + LIST_DOWNLOAD_SECONDS
    for address in job.addresses:
        try:
            return _from(address, job, until)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, WireError, ValueError) as error:
            trouble = f"{address}: {str(error) or type(error).__name__}"
        if time.monotonic() >= until:
            break
    return Fetched(trouble=trouble)


def _from(address: str, job: FetchJob, until: float) -> Fetched:
    parts = urlsplit(job.url)
    host = f"[{address}]" if ":" in address else address
    place = f"https://{host}:{parts.port or 443}{parts.path or '/'}"
    url = f"{place}?{parts.query}" if parts.query else place
    timeout = httpx2.Timeout(max(1.0, min(20.0, until - time.monotonic())))
    context = ssl.create_default_context()
    with (
        httpx2.Client(verify=context, timeout=timeout, trust_env=False) as client,
        client.stream(
            "GET", url, headers=_headers(job, parts.netloc.rpartition("@")[2]),
            extensions={"sni_hostname": parts.hostname},
        ) as reply,
    ):  # fmt: skip
        return _read(reply, job, until)


def _headers(job: FetchJob, host: str) -> dict[str, str]:
    headers = {"Host": host, "User-Agent": f"resolver/{__version__}", "Accept": "text/plain, */*"}
    headers["Accept-Encoding"] = "gzip, deflate"
    if job.etag:
        headers["If-None-Match"] = job.etag
    if job.modified:
        headers["If-Modified-Since"] = job.modified
    return headers


def _read(reply: Any, job: FetchJob, until: float) -> Fetched:
    if reply.status_code == _SAME:
        return Fetched(is_same=True)
    if reply.status_code in _REDIRECTS and "location" in reply.headers:
        return Fetched(redirect=urljoin(job.url, reply.headers["location"]))
    if reply.status_code != _OK:
        raise WireError(f"status {reply.status_code}")
    coding = reply.headers.get("content-encoding", "").strip().lower()
    if coding not in _CODINGS:
        raise WireError(f"its coding is {coding[:80]!r}, which was not asked for")
    digest, octets = hashlib.blake2b(digest_size=16), 0
    os.ftruncate(job.out, 0)
    for chunk in _chunks(reply, until):
        digest.update(chunk)
        os.pwrite(job.out, chunk, octets)
        octets += len(chunk)
        if octets > LIST_OCTETS:
            raise WireError(f"it has more than {LIST_OCTETS} octets")
    return Fetched(
        octets, digest.hexdigest(), reply.headers.get("etag", "")[:256],
        reply.headers.get("last-modified", "")[:64],
    )  # fmt: skip


def _chunks(reply: Any, until: float) -> Iterator[bytes]:
    for chunk in reply.iter_bytes():  # as it comes: a server that drips fills no larger one
        if time.monotonic() > until:
            raise WireError(f"it took longer than {LIST_DOWNLOAD_SECONDS:.0f} s")
        yield chunk


def main() -> None:
    """The process."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=FetchJob)
    child_life.begin(job.parent)
    sys.stdout.buffer.write(msgspec.json.encode(fetched(job)))


if __name__ == "__main__":
    main()
