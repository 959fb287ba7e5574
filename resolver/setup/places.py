"""Every path that `resolver install` may write, and how its own file is known again.

The paths stand here and nowhere else: what the journal holds are keys of this table, so that who
could write there would still not say where root writes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from resolver.daemon.service_unit import UNIT

CONFIG: Final = "/etc/resolver/resolver.toml"
ACCOUNT: Final = "resolver"
HOME: Final = "/opt/resolver"  # where a copy of the program goes that the service can reach
JOURNAL_FOLDER: Final = "/var/lib/resolver-install"
STATE_FOLDERS: Final = ("/var/lib/resolver", "/var/log/resolver")

HEAD: Final = '# Written by "resolver install"; "resolver uninstall" takes it away.\n'
RESOLV_CONF_HEAD: Final = (
    '# Written by "resolver install"; "resolver uninstall" puts back what was here before.\n'
)
UNIT_HEAD: Final = "# /etc/systemd/system/resolver.service"  # and of what older versions installed


class Place(NamedTuple):
    """*path*, and how the first octets of what we write there begin; "": it is another's file."""

    path: str
    head: str = HEAD


PLACES: Final[dict[str, Place]] = {
    "resolv.conf": Place("/etc/resolv.conf", RESOLV_CONF_HEAD),
    "nsswitch.conf": Place("/etc/nsswitch.conf", ""),
    "systemd-resolved": Place("/etc/systemd/resolved.conf.d/resolver.conf"),
    "NetworkManager": Place("/etc/NetworkManager/conf.d/resolver.conf"),
    "dhclient": Place("/etc/dhcp/dhclient-enter-hooks.d/resolver"),
    "dhcpcd": Place("/etc/dhcpcd.conf", ""),
    "openresolv": Place("/etc/resolvconf.conf", ""),
    "cloud-init": Place("/etc/cloud/cloud.cfg.d/99-resolver.cfg"),
    "sysusers": Place("/etc/sysusers.d/resolver.conf"),
    "unit": Place(f"/etc/systemd/system/{UNIT}", UNIT_HEAD),
    "command": Place("/usr/local/bin/resolver", ""),
    "manual of the program": Place("/usr/local/share/man/man8/resolver.8", ""),
    "manual of its configuration": Place("/usr/local/share/man/man5/resolver.toml.5", ""),
    "completion for bash": Place("/usr/local/share/bash-completion/completions/resolver", ""),
    "completion for zsh": Place("/usr/local/share/zsh/site-functions/_resolver", ""),
    "completion for fish": Place("/usr/local/share/fish/vendor_completions.d/resolver.fish", ""),
}
