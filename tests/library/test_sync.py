"""`open_sync`: for programs without an event loop, in all the ways that they may end."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import resolver


def test_an_answer_without_an_event_loop() -> None:
    with resolver.open_sync(lab=True) as r:
        answer = r.resolve("alias.example.com", "A")
        assert answer.addresses == ("192.0.2.80",)
        assert answer.canonical_name == "www.example.com."
        assert answer.security == "secure"
        assert r.resolve("alias.example.com").why == "secure, from the cache"
        assert r.resolve("localhost").why == "insecure, answered here"


def test_failures_say_why_and_leave_the_resolver_usable() -> None:
    with resolver.open_sync(lab=True) as r:
        with pytest.raises(resolver.NameNotFound, match="does not exist"):
            r.resolve("no-such-name.example.com")
        with pytest.raises(resolver.NoData, match="no such records"):
            r.resolve("www.example.com", "TXT")
        with pytest.raises(resolver.Bogus, match="DNSSEC bogus: the signature"):
            r.resolve("www.bogus.org")
        assert r.resolve("www.bogus.org", validate=False).security == "indeterminate"
        with pytest.raises(resolver.ServFail, match="refused"):
            r.resolve("www.refused.org")
        with pytest.raises(resolver.NameNotFound):
            r.resolve_address("192.0.2.1")
        assert r.ask("no-such-name.example.com").rcode.name == "NXDOMAIN"
        assert r.resolve("www.example.com").addresses == ("192.0.2.80",)


def test_zones_of_ones_own_are_asked_for_even_where_names_are_special() -> None:
    """A resolver answers test. and private reverse zones itself (RFC 6761, RFC 6303)."""
    zones = {
        "app.test": "api A 192.0.2.1\n@ MX 10 mail.app.test.",
        "2.0.192.in-addr.arpa": "1 PTR api.app.test.",
        "corp.example": "www CNAME api.app.test.",
        "signed.org": "new A 192.0.2.2",  # among names whose denials are signed
    }
    with resolver.open_sync(zones=zones) as r:
        assert r.resolve("api.app.test").addresses == ("192.0.2.1",)
        assert r.resolve("www.corp.example").addresses == ("192.0.2.1",)
        assert str(r.resolve_address("192.0.2.1").records[0]) == "api.app.test."
        assert r.resolve("localhost").addresses == ("127.0.0.1",)
        assert r.ask("none.signed.org").security == "secure"  # in nobody's way is what it proves
        assert r.resolve("new.signed.org").security == "secure"
        with pytest.raises(resolver.NameNotFound):
            r.resolve("other.test")


def test_a_timeout_ends_the_wait_and_nothing_else() -> None:
    with resolver.open_sync(lab=True) as r:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            r.resolve("www.dead.org", timeout=0.1)
        assert time.monotonic() - began < 2
        with pytest.raises(TimeoutError):
            r.resolve("www.slow.org", timeout=0.01)
        assert r.resolve("www.slow.org", timeout=30)  # by when the one nobody waits for has come
        assert r.resolve("www.example.com", timeout=30).addresses == ("192.0.2.80",)


def test_what_is_waited_for_at_the_close_is_told() -> None:
    """Closing does not wait for servers that never answer."""
    r = resolver.open_sync(lab=True)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(r.resolve, "www.dead.org")
        time.sleep(0.1)  # it asks by now, or will find the resolver closed: both are told
        began = time.monotonic()
        r.close()
        with pytest.raises(resolver.Closed):
            waiting.result(5)
    assert time.monotonic() - began < 2
    r.close()
    with pytest.raises(resolver.Closed):
        r.resolve("www.example.com")


def test_many_threads_share_one_resolver() -> None:
    """Those who ask the same at once get the same, from one walk or from its result."""
    asked = ["www.example.com", "www.signed.org", "alias.example.com", "www.hashed.org"] * 16
    with resolver.open_sync(lab=True) as r, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(r.resolve, asked))
    first = {answer.name: answer.addresses for answer in answers[:4]}
    assert all(answer.addresses == first[answer.name] for answer in answers)
    assert first["www.signed.org."] == ("203.0.113.11",)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_opening_and_closing_leaves_nothing_behind() -> None:
    with resolver.open_sync(lab=True) as r:
        r.resolve("www.example.com")
    gc.collect()  # what other tests left open must not be closed in between
    threads, files = threading.active_count(), descriptors()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(5):
            with resolver.open_sync(lab=True) as r:
                r.resolve("www.example.com")
        gc.collect()
    assert threading.active_count() == threads
    assert descriptors() == files


def test_what_cannot_be_opened_leaves_no_thread(tmp_path: Path) -> None:
    threads = threading.active_count()
    anchors = tmp_path / "anchors"
    anchors.write_text("nonsense")
    config = {"dnssec": {"trust_anchors_file": str(anchors)}}
    with pytest.raises(resolver.ConfigError, match="anchors"):
        resolver.open_sync(config, lab=False)
    assert threading.active_count() == threads


def test_an_unclosed_resolver_is_told_and_ended() -> None:
    threads = threading.active_count()
    kept = [resolver.open_sync(lab=True)]
    with pytest.warns(ResourceWarning, match="unclosed"):
        kept.clear()
    assert threading.active_count() == threads


def test_a_fork_says_what_is_wrong_instead_of_waiting_for_ever() -> None:
    code = """
import os, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12: threads and fork
import resolver
with resolver.open_sync(lab=True) as r:
    r.resolve("www.example.com")
    child = os.fork()
    if child == 0:
        try:
            r.resolve("www.example.com")
        except resolver.Closed as error:
            print("child:", error, flush=True)
        r.close()
        with resolver.open_sync(lab=True) as another:
            print("another:", another.resolve("www.example.com").addresses, flush=True)
        sys.exit(0)
    os.waitpid(child, 0)
    print("parent:", r.resolve("www.example.com").addresses)
"""
    lines = run(code).stdout.splitlines()
    assert lines[0].startswith("child: the resolver was opened before a fork")
    assert lines[1:] == ["another: ('192.0.2.80',)", "parent: ('192.0.2.80',)"]


def test_a_program_that_forgets_to_close_ends_all_the_same() -> None:
    code = """
import resolver
r = resolver.open_sync(lab=True)
print(r.resolve("www.example.com").addresses)
"""
    done = run(code)
    assert done.stdout == "('192.0.2.80',)\n"
    assert done.stderr == ""


def test_an_interrupt_ends_the_wait_at_once() -> None:
    """Ctrl-C comes out of `resolve` as the KeyboardInterrupt that it is, and `with` closes."""
    code = """
import threading, time, resolver
with resolver.open_sync(lab=True) as r:
    r.resolve("www.example.com")
    began = time.monotonic()
    print("ready", flush=True)
    try:
        r.resolve("www.dead.org")
    except KeyboardInterrupt:
        print("interrupted", time.monotonic() - began < 5)
print(threading.active_count())
"""
    command = [sys.executable, "-X", "dev", "-c", code]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)  # into the wait; before it, the interrupt would end the program
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (out, err) == ("interrupted True\n1\n", "")


def run(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "dev", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
