"""One budget of memory, as `status` tells of it: the shares of all processes add up to it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.test_serve import free_port
from tests.e2e.controlled import PATIENCE_S, controlled
from tests.e2e.test_restart import Authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)
MEBI = 1 << 20
SUPERVISOR = 24 * MEBI
BLOCKED = 20_000


@pytest.fixture
def authority() -> Iterator[Authority]:
    found = Authority()
    yield found
    found.close()


def _head(folder: Path, authority: Authority, *, workers: int, with_all: bool) -> str:
    head = f"""
        server.workers = {workers}
        server.user = ""
        memory = {512 * MEBI}
        dnssec.negative_trust_anchors = ["example."]
        stub = [{{zone = "example.", addresses = ["127.0.0.1:{authority.port}"]}}]
    """
    if with_all:
        (folder / "state").mkdir()
        (folder / "blocked").write_text("".join(f"ads{one}.test\n" for one in range(BLOCKED)))
        head += f"working_directory = '{folder / 'state'}'\n"
        head += f"block = [{{source = '{folder / 'blocked'}'}}]\n"
    return head


def _until(told: Callable[[], Any], is_so: Callable[[Any], bool]) -> Any:
    ends_at = time.monotonic() + PATIENCE_S
    while not is_so(found := told()):
        assert time.monotonic() < ends_at, found
        time.sleep(0.1)
    return found


@pytest.mark.parametrize(
    ("workers", "with_all"), [(1, False), (1, True), (2, False), (2, True), (4, True)]
)
def test_the_shares_of_all_workers_add_up_to_the_budget(
    tmp_path: Path, authority: Authority, workers: int, *, with_all: bool
) -> None:
    """With a second level on disk, lists and QUIC, and without."""
    head = _head(tmp_path, authority, workers=workers, with_all=with_all)
    quic = f"'quic://127.0.0.1:{free_port()}'" if with_all else ""
    with controlled(tmp_path, head=head, is_lab=False, more_listeners=quic) as daemon:
        for number in range(8 * workers):
            daemon.ask(f"host{number}.example.")

        def told() -> Any:
            return daemon.told("status")["memory"]

        def is_whole(memory: Any) -> bool:
            """Have all workers told, of all that there is?"""
            pools, supervisor = memory["pools"], SUPERVISOR if workers > 1 else 0
            found = pools["lists"]["octets"] > 0 and pools["disk_index"]["octets"] > 0
            is_all = abs(memory["budget_octets"] + supervisor - 512 * MEBI) < workers
            return is_all and (found or not with_all)

        def shares(memory: Any) -> int:
            return sum(int(pool["most_octets"]) for pool in memory["pools"].values())

        # Caches give way to lists at the next look at memory.
        memory = _until(
            told, lambda memory: is_whole(memory) and shares(memory) <= memory["budget_octets"]
        )
        assert shares(memory) > 0.95 * memory["budget_octets"]
        common = memory["pools"]["in_common"]
        if workers == 1:
            assert common == {"octets": 0, "most_octets": 0}
        else:
            assert MEBI < common["octets"] < common["most_octets"]
            assert 0 <= common["most_octets"] - (4 * workers + 1) * MEBI - 4096 < workers
        assert memory["resident_octets"] < memory["budget_octets"]
