"""The two resolvers under comparison, each as shipped but for hints, anchors and minimisation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.signed.catalogue import NEGATIVE_ANCHOR
from resolver.lab import real

if TYPE_CHECKING:
    from bench.signed.world import SignedWorld

OURS, PEER = "127.0.0.1", "127.0.0.2"
PROJECT = Path(__file__).resolve().parents[2]


def start_ours(
    it: SignedWorld, *, address: str = OURS, minimise: bool = True, validate: bool = True
) -> real.Program:
    """Our daemon; SHA-1 counts, as it does for Unbound (RFC 9905 §2 lets a resolver choose)."""
    anchors = "validate = false"
    if validate:
        anchors = f'trust_anchors_file = "{it.anchors}"\nsha1 = true\n'
        anchors += f'negative_trust_anchors = ["{NEGATIVE_ANCHOR}"]'
    config = it.directory / f"resolver-{address}.toml"
    config.write_text(
        f'[server]\nlisten = ["{address}:53"]\n[root]\nhints_file = "{it.hints}"\n'
        f"[resolution]\nqname_minimisation = {str(minimise).lower()}\n"
        f'[cache]\nclock = "realtime"\n'  # some zones sign for tomorrow: this clock is right
        f"[dnssec]\nbuiltin_root_anchor = false\n{anchors}\n"
    )
    program = it.client.spawn(
        sys.executable, "-m", "resolver", "serve", "--config", str(config),
        log=config.with_suffix(".log"), cwd=PROJECT,
    )  # fmt: skip
    real.wait_for([(it.client, address, 53)], programs=[program], patience_s=20.0)
    return program


def start_unbound(
    it: SignedWorld,
    *,
    address: str = PEER,
    minimise: bool = True,
    validate: bool = True,
) -> real.Program:
    """Debian's Unbound with its defaults."""
    config = it.directory / f"unbound-{address}.conf"
    anchors = 'module-config: "iterator"'
    if validate:
        anchors = f'trust-anchor-file: "{it.anchors}"\n    domain-insecure: "{NEGATIVE_ANCHOR}"'
    config.write_text(
        f"""server:
    interface: {address}
    do-daemonize: no
    use-syslog: no
    username: ""
    chroot: ""
    pidfile: ""
    directory: "{it.directory}"
    root-hints: "{it.hints}"
    {anchors}
    qname-minimisation: {"yes" if minimise else "no"}
remote-control:
    control-enable: no
"""
    )
    program = it.client.spawn(
        real.find("unbound") or "unbound", "-d", "-c", str(config), log=config.with_suffix(".log")
    )
    real.wait_for([(it.client, address, 53)], programs=[program], patience_s=20.0)
    return program
