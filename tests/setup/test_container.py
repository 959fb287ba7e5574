"""`resolver install` under systemd as process 1: the service it makes, and the way back.

The smoke test boots once; the long one has what lies in the hands of systemd: sockets by name, the
watchdog, a file that is wrong, a death.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import ROOT
from tests.setup import box

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.netns, pytest.mark.skipif(bool(box.why_not()), reason=box.why_not())]

BEGIN = """
mount -t tmpfs -o mode=755 tmpfs /usr/local
R='/root/venv/bin/python -m resolver'
N=www.example.com
main() { systemctl show -p MainPID --value resolver; }
wait_for() {
  for _ in $(seq 100); do if "$@" >/dev/null 2>&1; then return 0; fi; sleep 0.3; done
  echo "in vain: $*"; return 1
}
$R serve --lab --listen 127.0.0.99:53 &
printf '# mine\\nnameserver 127.0.0.99\\n' >/etc/resolv.conf; chown 0:4 /etc/resolv.conf
cp -a /etc/resolv.conf /root/before
wait_for getent ahosts $N
$R install --lab
grep -q '^nameserver 127.0.0.1$' /etc/resolv.conf
getent ahosts $N
"""
END = """
/usr/local/bin/resolver uninstall --name $N
cmp /etc/resolv.conf /root/before
test "$(stat -c '%u %g %a' /etc/resolv.conf)" = "$(stat -c '%u %g %a' /root/before)"
for path in /etc/systemd/system/resolver.service /var/lib/resolver-install /opt/resolver; do
  test ! -e $path
done
getent ahosts $N
echo all is as it was
"""


@pytest.mark.timeout(400)
def test_there_and_back_under_systemd(tmp_path: Path) -> None:
    """By a program in /root, which copies itself out; as an account of its own, in its sandbox."""
    script = BEGIN + """
        /usr/local/bin/resolver install --status
        test "$(stat -c %U /proc/$(main))" = resolver
        grep -q '^CapEff:.*0400$' /proc/$(main)/status
        test "$(stat -c '%U %a' /var/lib/resolver)" = 'resolver 700'
        test "$(stat -c '%U' /run/resolver)" = resolver
    """ + END  # fmt: skip
    told = box.boot(tmp_path, script, seconds=300)
    assert told.status == 0, told.text
    assert told.text.endswith("all is as it was\n")


SOCKETS = """
cat >/etc/systemd/system/resolver-udp.socket <<'U'
%(udp)s
U
cat >/etc/systemd/system/resolver-tcp.socket <<'U'
%(tcp)s
U
socket() {
  text="[Socket]\\n$3\\nFreeBind=yes\\nFileDescriptorName=$2\\nService=resolver.service\\n"
  printf "$text" >/etc/systemd/system/resolver-$1.socket
}
socket tls tls ListenStream=127.0.0.1:853
socket https https 'ListenStream=127.0.0.1:8443\\nListenStream=192.0.2.77:443'
socket quic quic ListenDatagram=127.0.0.1:853
socket wrong tls ListenDatagram=127.0.0.1:8530
systemctl daemon-reload
systemctl stop resolver
systemctl start resolver-quic.socket resolver-wrong.socket resolver-https.socket resolver-udp.socket
systemctl start resolver-tls.socket resolver-tcp.socket
T=/etc/resolver/resolver.toml
sed -i 's/^allow_from = .*/allow_from = ["127.0.0.0\\/8", "192.0.2.0\\/24"]/' $T
systemctl start resolver
journalctl -u resolver -o cat | grep 'tls wants ListenStream='
q() { /usr/local/bin/resolver query --short "$@" $N | grep -x 192.0.2.80; }
q @127.0.0.1; q @tls://127.0.0.1 --insecure; q @quic://127.0.0.1 --insecure
q @https://127.0.0.1:8443/dns-query --insecure
ip addr add 192.0.2.77/32 dev lo
q @https://192.0.2.77/dns-query --insecure
P=$(main)
sed -i 's/^listen = .*/listen = ["127.0.0.1:53", "127.0.0.2:53"]/' /etc/resolver/resolver.toml
systemctl reload resolver
q @127.0.0.2; q @127.0.0.1
test "$P" = "$(main)"
systemctl restart resolver & sleep 0.2
timeout 30 /usr/local/bin/resolver query --short @127.0.0.1 $N || q @127.0.0.1
wait $!
$R install --lab
systemctl stop 'resolver-*.socket' resolver
rm /etc/systemd/system/resolver-*.socket; systemctl daemon-reload
systemctl start resolver
echo sockets are good
"""
TROUBLE = """
P=$(main); kill -9 $P
alive() { systemctl is-active resolver && test "$(main)" != "$P" -a "$(main)" != 0; }
wait_for alive
sed -i 's/^WatchdogSec=.*/WatchdogSec=3/' /etc/systemd/system/resolver.service
systemctl daemon-reload; systemctl restart resolver; P=$(main)
sleep 7; test "$P" = "$(main)"
kill -STOP $P
wait_for alive
journalctl -u resolver -o cat | grep -i 'watchdog timeout'
cp /etc/resolver/resolver.toml /root/good; echo 'x = 1' >>/etc/resolver/resolver.toml
! systemctl restart resolver
sleep 5
test "$(systemctl show -p ActiveState --value resolver)" = failed
test "$(systemctl show -p NRestarts --value resolver)" -le 3
cp /root/good /etc/resolver/resolver.toml; systemctl restart resolver
echo trouble is over
"""


@pytest.mark.long
@pytest.mark.timeout(700)
def test_what_lies_in_the_hands_of_systemd(tmp_path: Path) -> None:
    """Sockets by name in any order, late addresses, a reload that keeps them; death, the watchdog,
    a wrong file."""
    folder = ROOT / "contrib" / "systemd"
    units = {name: (folder / f"resolver-{name}.socket").read_text() for name in ("udp", "tcp")}
    told = box.boot(tmp_path, BEGIN + SOCKETS % units + TROUBLE + END, seconds=600)
    assert told.status == 0, told.text
    for line in ("sockets are good", "trouble is over", "all is as it was"):
        assert f"{line}\n" in told.text
