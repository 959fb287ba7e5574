"""Browsers that may ask nobody but the daemon, over HTTPS: a page comes, or it does not.

In a network of its own (`unshare`): the page's server has the address that the lab's answer says.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.test_dot import command
from tests.simulation import netns

pytestmark = [pytest.mark.netns, pytest.mark.long, pytest.mark.timeout(300)]
PROJECT = Path(__file__).resolve().parents[2]
URL = "https://dns.example.net/dns-query"
PAGE = "http://www.example.com:8099/"
HOUSE = """
set -eu
ip link set lo up
ip address add 192.0.2.80/32 dev lo
ip -6 address add 2001:db8::80/128 dev lo
{serve} &
daemon=$!
python3 -m http.server --bind 192.0.2.80 --directory "$HOUSE/www" 8099 2> "$HOUSE/asked" &
pages=$!
trap 'kill $daemon $pages' EXIT
for i in $(seq 100); do
    [ -f "$HOUSE/tls-certificate.pem" ] && curl -s 127.0.0.1:9153/metrics > /dev/null && break
    sleep 0.2
done
{browser}
curl -s 127.0.0.1:9153/metrics > "$HOUSE/metrics"
"""
CHROMIUM = """
certutil -N -d "sql:$HOME/.pki/nssdb" --empty-password
certutil -A -d "sql:$HOME/.pki/nssdb" -t P,, -n dns -i "$HOUSE/tls-certificate.pem"
mkdir -p /etc/chromium
mount -t tmpfs none /etc/chromium
mkdir -p /etc/chromium/policies/managed
echo '{"DnsOverHttpsMode": "secure", "DnsOverHttpsTemplates": "https://127.0.0.1/dns-query"}' \
    > /etc/chromium/policies/managed/dns.json
timeout 90 chromium --headless=new --no-sandbox --no-proxy-server --disable-gpu \
    --dump-dom "$PAGE" > "$HOUSE/page" 2> "$HOUSE/said" || true
"""
FIREFOX = """
mkdir -p "$HOUSE/profile"
certutil -N -d "sql:$HOUSE/profile" --empty-password
certutil -A -d "sql:$HOUSE/profile" -t CT,, -n dns -i "$HOUSE/tls-certificate.pem"
cat > "$HOUSE/profile/user.js" <<END
user_pref("network.trr.mode", 3);
user_pref("network.trr.uri", "$URL");
user_pref("network.trr.custom_uri", "$URL");
user_pref("network.trr.bootstrapAddr", "127.0.0.1");
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
END
timeout 90 firefox-esr --headless --profile "$HOUSE/profile" --screenshot "$HOUSE/shot.png" \
    "$PAGE" > "$HOUSE/said" 2>&1 || true
"""


class Visit(NamedTuple):
    """What the page's server was asked, and what the daemon counted."""

    asked: str
    metrics: dict[str, str]
    log: str


def visited(directory: Path, browser: str, *programs: str) -> Visit:
    reason = netns.missing("unshare", "ip", "curl", "certutil", *programs)
    if reason is not None:
        pytest.skip(reason)
    (directory / "www").mkdir()
    (directory / "www" / "index.html").write_text("<html><body>hello</body></html>")
    (directory / ".pki" / "nssdb").mkdir(parents=True)
    config = directory / "resolver.toml"
    config.write_text(f"""
        working_directory = "{directory}"
        server = {{listen = ["https://127.0.0.1:443/dns-query"], user = ""}}
        tls.names = ["dns.example.net"]
        metrics.listen = "127.0.0.1:9153"
        cache.persist = false
    """)
    serve = " ".join((*command("serve", "--lab", "--config", str(config)), '2> "$HOUSE/log"'))
    script = HOUSE.format(serve=serve, browser=browser)
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(directory), "HOUSE": str(directory),
        "PYTHONPATH": str(PROJECT), "PAGE": PAGE, "URL": URL,
    }  # fmt: skip
    unshare = shutil.which("unshare") or "unshare"
    done = subprocess.run(
        [unshare, "-n", "-m", "bash", "-c", script], env=environment, cwd=PROJECT,
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = (directory / "metrics").read_text().splitlines()
    metrics = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return Visit((directory / "asked").read_text(), metrics, (directory / "log").read_text())


@pytest.mark.parametrize(("browser", "program"), [(CHROMIUM, "chromium"), (FIREFOX, "firefox-esr")])
def test_a_page_comes_by_dns_over_https_alone(tmp_path: Path, browser: str, program: str) -> None:
    visit = visited(tmp_path, browser, program)
    assert '"GET / HTTP/1.1" 200' in visit.asked
    assert float(visit.metrics["resolver_https_http2_total"]) >= 1
    assert float(visit.metrics["resolver_https_refused_total"]) == 0
    assert float(visit.metrics["resolver_https_ended_protocol_total"]) == 0
    assert "Traceback" not in visit.log


def test_no_page_comes_without(tmp_path: Path) -> None:
    """The look above can fail: nobody else is asked."""
    wrong = CHROMIUM.replace("https://127.0.0.1/dns-query", "https://127.0.0.1:444/dns-query")
    visit = visited(tmp_path, wrong, "chromium")
    assert "GET" not in visit.asked
