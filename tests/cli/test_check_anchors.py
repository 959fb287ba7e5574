"""`check` and trust anchors: those that validate nothing are told, broken ones refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.test_check import PORT, run, verdicts

if TYPE_CHECKING:
    from pathlib import Path


USELESS = {
    "none configured": ("", None, "no", "dnssec has no trust anchor: nothing"),
    "an empty file": ("", "; to be filled in", "no", "keys has no trust anchor: nothing"),
    "DSA": ("", f". IN DS 1 3 2 {'AB' * 32}", "no", "DS 1: algorithm 3 is not supported: nothing"),
    "an unknown digest": ("", f". IN DS 1 13 77 {'AB' * 32}", "no", "digest type 77 is not"),
    "DSA below the root": (
        "builtin_root_anchor = true",
        f"corp. IN DS 1 3 2 {'AB' * 32}",
        "yes",
        "corp. has no anchor that can be used",
    ),
}


@pytest.mark.parametrize("kind", USELESS)
def test_anchors_that_validate_nothing_are_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str
) -> None:
    """They stop no start: a zone may have gone on to an algorithm of the future."""
    line, keys, validates, said = USELESS[kind]
    path = tmp_path / "resolver.toml"
    lines = [PORT, "[dnssec]", line or "builtin_root_anchor = false"]
    if keys is not None:
        (tmp_path / "keys").write_text(keys)
        lines.append(f"trust_anchors_file = '{tmp_path}/keys'")
    path.write_text("\n".join(lines))
    status, out, _ = run(capsys, "check", str(path))
    assert status == 0
    assert f"validates    {validates}\n" in out
    assert said in out


BAD = {
    "a truncated key": (". IN DS 20326 8 2 E06D", "20326 8 2 E06D"),
    "no key": ("hello", "no DS or DNSKEY record"),
    "no key of its algorithm": (
        "corp. IN DNSKEY 257 3 13 AAAA",
        "corp. has no anchor that can be used: DNSKEY 1038: it is no key of algorithm 13",
    ),
    "no text": ("\x00\udcff", "a file of DS or DNSKEY"),
}


@pytest.mark.parametrize("kind", BAD)
def test_check_and_serve_refuse_the_same_trust_anchors(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str
) -> None:
    content, said = BAD[kind]
    (tmp_path / "keys").write_bytes(content.encode("utf-8", "surrogateescape"))
    path = tmp_path / "resolver.toml"
    path.write_text(f"working_directory = '{tmp_path}'\n[dnssec]\ntrust_anchors_file = 'keys'\n")
    assert said in verdicts(path, capsys)
