"""The suites of Unbound and Deckard and reported faults, run where they lie: outside opinions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.named import missing
from tests.simulation.scenario_model import ScenarioError
from tests.simulation.scenario_parse import parse
from tests.simulation.scenario_run import Variant, play, variants

HERE = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("RESOLVER_SCENARIOS", HERE.parent / "shared" / "scenarios"))
# A folder joins by its name: what lies beside these waits for the feature that it tells of.
FOLDERS = (
    "deckard", "unbound", "reported",
    "features/aggressive-nsec", "features/ede", "features/edns", "features/forward-stub",
    "features/auth-zone", "features/prefetch", "features/serve-stale", "features/ttl-clamp",
    "features/zonemd", "features/error-reporting", "features/local-zone",
    "features/private-address", "features/dns64", "features/nat64",
    "features/rpz", "features/response-ip",
)  # fmt: skip
# Expected to fail, with the reason. A file that passes after all fails here: strike it.
# Of zones held whole, which are the root's alone here, the reason says where a rule is tested that
# the file is about too.
EXCEPTIONS = {
    "features/auth-zone/auth_nsec3_ent_with_out_of_zone_data.rpl": (
        "answers clients from a zone of its own; what lies outside of a copy never counts:"
        " tests/dnssec/test_whole_zone.py"
        "::test_names_and_types_that_are_foreign_to_a_root_zone_are_refused"
    ),
    "features/auth-zone/auth_nsec3_wild_with_out_of_zone_data.rpl": (
        "answers clients from a zone of its own, with wildcards, which a root zone may not have:"
        " tests/dnssec/test_whole_zone.py::test_a_wildcard_is_refused"
    ),
    "features/auth-zone/auth_xfr.rpl": (
        "transfers an unsigned zone, answers clients from it and writes it as text:"
        " tests/daemon/test_root_keeper.py::test_a_copy_is_fetched_and_answers,"
        " tests/daemon/test_root_fetch.py::test_a_zone_that_is_whole_is_kept"
    ),
    "features/auth-zone/auth_xfr_host_bogus.rpl": (
        "its primary has a name, which is bogus; sources are addresses, and signatures decide:"
        " tests/daemon/test_root_keeper.py"
        "::test_sources_are_those_configured_or_those_that_offer_it"
    ),
    "features/auth-zone/auth_xfr_ixfr.rpl": (
        "wants differences (IXFR), which no server of the root offers; a copy is taken whole:"
        " tests/daemon/test_root_fetch.py::test_a_transfer_that_is_cut_off_anywhere_is_thrown_away"
    ),
    "features/auth-zone/auth_xfr_ixfrmismatch.rpl": (
        "wants differences that do not fit thrown away, and the whole zone instead, as above"
    ),
    "features/auth-zone/auth_xfr_notify.rpl": (
        "takes NOTIFY, which no server of the root sends; its SOA is asked for instead:"
        " tests/e2e/test_rfc8906.py::test_notify_and_update_are_not_for_us,"
        " tests/daemon/test_root_keeper.py::test_it_is_renewed_when_its_soa_says_so"
    ),
    "features/auth-zone/auth_xfr_probesoa.rpl": (
        "asks for the SOA of an unsigned zone that it answers clients from:"
        " tests/daemon/test_root_keeper.py::test_it_is_renewed_when_its_soa_says_so"
    ),
    "features/auth-zone/auth_zonefile_down.rpl": "answers clients from zones of its own, with AA",
    "features/dns64/dns64_lookup.rpl": (
        "wants a PTR record told at the name in ip6.arpa, where RFC 6147 §5.3.1 has a CNAME; and"
        " AAAA records ignored for names of one's choice: tests/policy/test_dns64.py"
        "::test_ptr_of_a_made_address_is_that_of_the_ipv4_address"
    ),
    "features/prefetch/iter_prefetch_fail.rpl": (
        "renews once more what it is not known that anybody uses; the first renewal, in vain, has"
        " spent the budget of a resolver that sent five packets in its life:"
        " tests/recurse/test_prefetch.py::test_a_renewal_that_failed_is_tried_again_at_a_later_hit"
    ),
    "features/zonemd/auth_zonemd_permissive_mode.rpl": (
        "uses a zone with a wrong digest, for whom a log line will do; ours is thrown away:"
        " tests/dnssec/test_whole_zone.py::test_a_digest_of_another_zone_is_refused"
    ),
    "unbound/iter_resolve_minimised_nx.rpl": (
        "scripts type A for minimised queries where four of Deckard's script NS;"
        " RFC 9156 §2.1 allows both"
    ),
    "features/aggressive-nsec/nsec_cross_zone.rpl": (
        "an NSEC that reaches out of its zone is shown to who asks for it with CD; it denies"
        " nothing here (RFC 4034 §4.1.1), and telling what a server says is what CD asks for"
    ),
    "features/aggressive-nsec/stop_nxdomain_minimised.rpl": (
        "scripts type A for minimised queries, as above"
    ),
    "features/ede/val_scrub_rr_length.rpl": (
        "wants EDE 0 for malformed rdata, which is for what no code fits (RFC 8914 §4.1); EDE 24"
        " (invalid data) says what it is"
    ),
    "features/edns/edns_downstream_cookies.rpl": (
        "demands a cookie of whoever asks over UDP (BADCOOKIE), which keeps out all who have none;"
        " over a rate it is told so: tests/listen/test_rate_limit.py"
        "::test_who_speaks_cookies_is_told_badcookie_and_which_will_do"
    ),
    "features/forward-stub/val_cnametocloser.rpl": (
        "wants the forwarder's proof about a cut inside the alias chain repeated; ours proves what"
        " is denied, the type at the target (RFC 4035 §3.1.3.1)"
    ),
    "features/forward-stub/val_cnametooptout.rpl": (
        "takes a forwarder's NS without SOA for NODATA; it is a referral (RFC 2308 §2.2), and who"
        " refers has not recursed (RFC 1034 §4.3.1): SERVFAIL from BIND and Knot, too"
    ),
    "features/local-zone/local_block_a.rpl": (
        "keeps addresses back with a denial that has no SOA, so that nobody remembers it (RFC 2308"
        " §5): tests/policy/test_local_records.py::test_one_family_is_kept_back"
    ),
    "features/local-zone/local_cname.rpl": (
        "its last two aliases lead into zones that it holds itself; the others, which are right:"
        " tests/daemon/test_local_names.py::test_an_alias_to_a_public_name_is_resolved,"
        " tests/daemon/test_local_names.py"
        "::test_without_recursion_an_alias_is_told_as_far_as_it_is_known,"
        " tests/policy/test_local_records.py::test_a_redirection_to_a_wildcard_keeps_the_name"
    ),
    "features/rpz/rpz_clientip_passthru_dns64.rpl": (
        "maps a private address with 64:ff9b::/96, which is for public ones (RFC 6052 §3.1):"
        " tests/policy/test_dns64.py::test_the_well_known_prefix_is_for_public_addresses;"
        " who is let through: tests/policy/test_rpz.py::test_who_asks_has_packets_of_nobody_else"
    ),
    "features/rpz/rpz_signal_nxdomain_ra.rpl": (
        "wants RA clear where policy says NXDOMAIN; ours says so with an extended error:"
        " tests/policy/test_rpz.py::test_what_is_told_has_no_aa_and_no_ad_and_says_why"
    ),
    "features/rpz/rpz_val_block.rpl": (
        "has NSEC3 without opt-out that deny foo3.org, which is delegated: bogus (RFC 5155 §8.9);"
        " Unbound takes what policy says of its DS for the truth. No rule touches DS and DNSKEY of"
        " validation here, and what else the file is about:"
        " tests/policy/test_rpz.py::test_a_rule_for_what_an_alias_leads_to"
    ),
    "features/serve-stale/rrset_use_cached.rpl": (
        "takes an answer for over once the NS set that came beside it is; ours lasts by itself"
    ),
    "features/serve-stale/serve_expired.rpl": (
        "wants what is over told without RD, and before servers that answer are asked"
    ),
    "features/serve-stale/serve_expired_0ttl_nodata.rpl": (
        "wants what is over told before servers that answer are asked (RFC 8767 §7 warns of it)"
    ),
    "features/serve-stale/serve_expired_zerottl.rpl": "wants what is over first, as above",
    "features/serve-stale/ttl_zero_cacherep.rpl": (
        "counts whole seconds from the start; what came within a second lasts to its fraction here"
    ),
    "features/ttl-clamp/ttl_max.rpl": (
        "wants the root's NS set in ANSWER of another question without RD; where nothing below the"
        " root is known ours is REFUSED with EDE 20 (RFC 8914 §4.21)"
    ),
}
# What is wrong and known: each goes with its mending.
KNOWN_FAULTS: dict[str, str] = {}

pytestmark = pytest.mark.no_cover  # hundreds of stories; what they show is shown by others


def runs() -> list[tuple[Path, Variant | None]]:
    """Every file in every variant; a file that cannot be read is one run, and fails as it runs."""
    found: list[tuple[Path, Variant | None]] = []
    for folder in FOLDERS:
        for path in sorted((FOLDER / folder).rglob("*.rpl")):
            try:
                found += [(path, variant) for variant in variants(parse(path))]
            except (ScenarioError, OSError):
                found.append((path, None))
    return found


def names(value: object) -> str:
    if isinstance(value, Path):
        return value.relative_to(FOLDER).with_suffix("").as_posix()
    if isinstance(value, Variant):
        return "min" if value.minimise else "full"
    return "unreadable"


def test_every_test_that_a_reason_names_exists() -> None:
    assert missing(" ".join(EXCEPTIONS.values())) == []


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no scenarios at {FOLDER} (RESOLVER_SCENARIOS)")
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_has_scenarios(folder: str) -> None:
    """A folder that was renamed must not pass as one without faults."""
    assert list((FOLDER / folder).rglob("*.rpl"))


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no scenarios at {FOLDER} (RESOLVER_SCENARIOS)")
@pytest.mark.parametrize(("path", "variant"), runs(), ids=names)
def test_scenario(path: Path, variant: Variant | None) -> None:
    scenario = parse(path)
    assert variant is not None, "this file could be read only now"
    result = play(scenario, variant)
    reason = (EXCEPTIONS | KNOWN_FAULTS).get(path.relative_to(FOLDER).as_posix())
    if reason is not None and not result.passed:
        pytest.xfail(reason)
    assert reason is None, f"passes after all: {reason}"
    assert result.passed, str(result)
