"""Packets from the outside world, where the data folder is there: for the wire properties."""

from __future__ import annotations

import functools
import gzip
import json
import tarfile
from pathlib import Path

import pytest

from tests import real_data

_PROJECT = Path(__file__).resolve().parents[2]
FOLDER = real_data.FOLDER

needs_corpus = pytest.mark.skipif(
    not (FOLDER / "wire" / "dns-messages.jsonl.gz").exists(),
    reason=f"no packet corpus in {FOLDER}/wire (set RESOLVER_TEST_DATA)",
)


def _members(archive: Path, part: str, suffix: str = "") -> list[bytes]:
    packets = []
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and part in member.name and member.name.endswith(suffix):
                stream = tar.extractfile(member)
                assert stream is not None
                packets.append(stream.read())
    return packets


@functools.cache
def packets() -> tuple[bytes, ...]:
    """Every raw message of the corpora: captures, recorded responses, fuzzing seeds."""
    with gzip.open(FOLDER / "wire" / "dns-messages.jsonl.gz", "rt") as lines:
        found = [bytes.fromhex(json.loads(line)["hex"]) for line in lines]
    found += _members(FOLDER / "wire" / "haskell-resolv-testdata-msg.tar.gz", "/msg/", ".bin")
    found += _members(FOLDER / "fuzz" / "bind9-fuzz.tar.gz", "dns_message_parse.in/")
    found += _members(FOLDER / "fuzz" / "bind9-fuzz.tar.gz", "dns_message_checksig.in/")
    found += _members(FOLDER / "fuzz" / "pdns-fuzzing-corpus.tar.gz", "raw-dns-packets/")
    return tuple(dict.fromkeys(found))
