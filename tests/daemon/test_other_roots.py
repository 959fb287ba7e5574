"""Names of other trees, as docs/other-roots.md has them: a stand-in authority for each recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from resolver.config.schema import Config, Dnssec, Forward, Rewrite, Root, Stub
from resolver.daemon import run
from resolver.daemon.state import read_anchors
from resolver.errors import ConfigError
from resolver.lab.signing import Signer
from resolver.lab.virtual_time import VirtualClock, seeded
from resolver.lab.world import World
from resolver.lab.zones import text
from resolver.model import Status
from resolver.protocol import names
from resolver.protocol.codes import Rcode, RRType
from tests.making import name, question
from tests.recurse.household import WALL, House, house, village
from tests.support import trio_test

if TYPE_CHECKING:
    from pathlib import Path

    from resolver.lab.zones import Zone

HNSD = "192.0.2.153"
ADDRESS = bytes([192, 0, 2, 201])


def other_tld(world: World, *, is_signed: bool = True) -> Zone:
    """`parallel.`, of which the public root, which is signed, proves that it is not there."""
    zone = world.zone("parallel.")
    world.serve(zone, "ns.parallel.", HNSD)
    zone.add_address("www", "192.0.2.201")
    if is_signed:
        zone.signer = Signer(zone, wall=WALL)
    return zone


def anchor_of(zone: Zone) -> str:
    assert isinstance(zone.signer, Signer)
    digest = zone.signer.ds()
    tag, rest = int.from_bytes(digest[:2], "big"), digest[4:].hex()
    return f"DS {tag} {digest[2]} {digest[3]} {rest}"


def stub(**keys: object) -> Config:
    return Config(stub=(Stub(zone="parallel", addresses=(HNSD,), **keys),))  # type: ignore[arg-type]


async def told(home: House, asked: str) -> tuple[int, Status, list[bytes]]:
    answer = await home.pipeline.answer(question(asked))
    data = [one for rrset in answer.answer for one in rrset.rdatas if rrset.rtype != RRType.CNAME]
    return answer.rcode, answer.status, data


# --- a TLD of its own -----------------------------------------------------------------------------


@trio_test
async def test_a_tld_is_validated_against_its_own_anchor() -> None:
    world = village(is_signed=True)
    zone = other_tld(world)
    async with house(world, stub(trust_anchor=anchor_of(zone))) as home:
        assert await told(home, "www.parallel. A") == (0, Status.SECURE, [ADDRESS])
        assert await told(home, "none.parallel. A") == (Rcode.NXDOMAIN, Status.SECURE, [])
        assert (await told(home, "www.example.net. A"))[1] is Status.SECURE  # and by the root's


@trio_test
async def test_what_another_key_signed_is_bogus() -> None:
    world = village(is_signed=True)
    zone, strange = other_tld(world), World().zone("parallel.")
    strange.signer = Signer(strange, wall=WALL, seed="another key")
    assert anchor_of(strange) != anchor_of(zone)
    async with house(world, stub(trust_anchor=anchor_of(strange))) as home:
        rcode, status, data = await told(home, "www.parallel. A")
        assert (rcode, data) == (Rcode.SERVFAIL, [])
        assert status is not Status.SECURE


@pytest.mark.parametrize("is_signed", [False, True])
def test_a_tld_that_nobody_vouches_for_is_believed_as_it_is(*, is_signed: bool) -> None:
    @trio_test
    async def answered() -> None:
        world = village(is_signed=True)
        other_tld(world, is_signed=is_signed)
        async with house(world, stub(validate=False)) as home:
            assert await told(home, "www.parallel. A") == (0, Status.INSECURE, [ADDRESS])

    answered()


@trio_test
async def test_nothing_that_the_root_proves_denies_what_stands_here() -> None:
    """Aggressive use of its NSEC included (RFC 8198): both neighbours have been asked for."""
    world = village(is_signed=True)
    other_tld(world, is_signed=False)
    forward = Forward(zone="corp", addresses=(HNSD,), validate=False, fallback="recurse")
    corp = world.zone("corp.")
    world.serve(corp, "ns.corp.", HNSD)
    corp.add_address("www", "192.0.2.202")
    config = replace(stub(validate=False), forward=(forward,))
    async with house(world, config) as home:
        for neighbour in ("co.", "cos.", "paral.", "parz.", "zz."):
            assert (await told(home, f"{neighbour} A"))[:2] == (Rcode.NXDOMAIN, Status.SECURE)
        assert home.parts.memory.denial is not None
        sent = home.sent
        assert (await told(home, "corq. A"))[0] == Rcode.NXDOMAIN
        assert home.sent == sent  # the range is known, and denies what lies in it
        assert await told(home, "www.corp. A") == (0, Status.INSECURE, [bytes([192, 0, 2, 202])])
        assert await told(home, "www.parallel. A") == (0, Status.INSECURE, [ADDRESS])
        assert (await told(home, "none.parallel. A"))[0] == Rcode.NXDOMAIN


@pytest.mark.parametrize(
    ("anchor", "said"),
    [
        ("20326 8 2 abcd", "no DS or DNSKEY record"),
        ("DS 1 13 2 abcd", "32 octets, not 2"),
        ("com. DS 1 13 1 " + "ab" * 20, "records of parallel."),
        (" \n", "records of parallel."),
    ],
)
def test_an_anchor_that_is_none_is_an_error(anchor: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"stub\.trust_anchor") as caught:
        read_anchors(stub(trust_anchor=anchor))
    assert said in str(caught.value)


def test_an_anchor_is_written_with_the_zone_or_without() -> None:
    line = "DS 1 13 1 " + "ab" * 20
    found = read_anchors(stub(trust_anchor=f"{line}\nparallel. IN {line.replace('1 13', '2 13')}"))
    assert found.by_name[name("parallel.")].key_tags() == {1, 2}
    assert names.ROOT in found.by_name
    assert read_anchors(stub(validate=False)).negative == {name("parallel."): float("inf")}


# --- another root ---------------------------------------------------------------------------------


def other_root() -> tuple[World, Zone]:
    """A tree of which nobody else knows: a root at hnsd's address, and one TLD."""
    world = World()
    root, tld = world.zone("."), world.zone("welcome.")
    world.serve(root, "ns.welcome.", HNSD)
    world.serve(tld, "ns.welcome.", HNSD)
    tld.add_address("www", "192.0.2.201")
    tld.add("_dnslink", RRType.TXT, text("dnslink=/ipns/k51"))
    world.delegate(tld)
    for zone in (tld, root):
        world.sign(zone, wall=WALL)
    return world, root


async def check(world: World, config: Config, status: Status) -> None:
    outgoing = replace(config.outgoing, speculation=False)
    config = replace(config, outgoing=outgoing, root=replace(config.root, prime=False, local=False))
    async with run.running(
        config, network=(network := world.network()), clock=VirtualClock(wall=WALL),
        rng=seeded("roots"), listens=False,
    ) as daemon:  # fmt: skip
        home = House(daemon, network)
        assert await told(home, "www.welcome. A") == (0, status, [ADDRESS])
        assert await told(home, "_dnslink.welcome. TXT") == (0, status, [text("dnslink=/ipns/k51")])
        assert (await told(home, "com. NS"))[:2] == (Rcode.NXDOMAIN, status)


@trio_test
async def test_handshake_s_root_is_a_stub_with_its_own_key() -> None:
    world, root = other_root()
    dnssec = Dnssec(builtin_root_anchor=False)
    stub = Stub(zone=".", addresses=(HNSD,), trust_anchor=anchor_of(root))
    await check(world, Config(dnssec=dnssec, stub=(stub,)), Status.SECURE)


@trio_test
async def test_another_root_by_hints_and_anchors(tmp_path: Path) -> None:
    world, root = other_root()
    hints, keys = tmp_path / "opennic.hints", tmp_path / "opennic.keys"
    hints.write_text(f". 3600 NS ns.welcome.\nns.welcome. 3600 A {HNSD}\n")
    keys.write_text(f". IN {anchor_of(root)}\n")
    dnssec = Dnssec(builtin_root_anchor=False, trust_anchors_file=str(keys))
    config = Config(root=Root(hints_file=str(hints)), dnssec=dnssec)
    await check(world, config, Status.SECURE)
    unsigned = replace(config, dnssec=Dnssec(validate=False))
    await check(world, unsigned, Status.INSECURE)


@trio_test
async def test_single_names_of_handshake_come_from_its_resolver() -> None:
    """The public tree stays as it is."""
    world = village(is_signed=True)
    other_tld(world)
    forward = Forward(zone="parallel", addresses=(HNSD,), validate=False)
    async with house(world, Config(forward=(forward,))) as home:
        assert await told(home, "www.parallel. A") == (0, Status.INSECURE, [ADDRESS])
        assert (await told(home, "www.example.net. A"))[1] is Status.SECURE


# --- a gateway ------------------------------------------------------------------------------------


@trio_test
async def test_ens_names_come_from_a_gateway_and_dnslink_passes() -> None:
    world = village()
    gateway = world.zones[name("example.net.")]
    gateway.add_address("vitalik.eth", "192.0.2.201")
    gateway.add("_dnslink.vitalik.eth", RRType.TXT, text("dnslink=/ipfs/bafy"))
    rules = (Rewrite(from_="*.eth", to="*.eth.example.net"),)
    async with house(world, Config(rewrite=rules)) as home:
        rcode, _, data = await told(home, "vitalik.eth. A")
        assert (rcode, data) == (0, [ADDRESS])
        assert (await told(home, "_dnslink.vitalik.eth. TXT"))[2] == [text("dnslink=/ipfs/bafy")]
        assert (await told(home, "nobody.eth. A"))[0] == Rcode.NXDOMAIN
