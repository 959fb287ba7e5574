"""resolver why NAME [TYPE]: the story of a name, from what the daemon knows (`control why`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolver.cli import control, questions
from resolver.protocol import names
from resolver.protocol.codes import RRType

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """As `resolver control why`; addresses, URLs and letters beyond ASCII as `resolver query`.

    Raises ConfigError.
    """
    options.verb = "why"
    if options.words:
        qname, rtype = questions.qname_of(options.words[0])
        options.words[0] = names.to_text(qname)
        if rtype == RRType.PTR and len(options.words) == 1:
            options.words.append("PTR")
    return control.run(options)
