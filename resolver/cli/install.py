"""resolver install: `setup.run` does it; here is what one is told."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from resolver.cli.parser_setup import DEFAULT_NAME, LAB_NAME
from resolver.setup.failures import SetupFailed
from resolver.setup.plan import Wishes
from resolver.setup.run import Setup

if TYPE_CHECKING:
    import argparse

    from resolver.setup.plan import Plan

FAILED = 1


def run(options: argparse.Namespace) -> int:
    """0 if it is done, 1 if not."""
    setup = Setup(lambda line: print(line, flush=True))
    try:
        if options.status:
            return _status(setup, as_json=options.json)
        wishes = Wishes(
            options.name or (LAB_NAME if options.lab else DEFAULT_NAME),
            tuple(options.listen),
            switches=not options.keep_resolv_conf,
            lab=options.lab,
            without_nss_resolve=options.without_nss_resolve,
            keeps_fallback=options.keep_fallback,
        )
        if options.dry_run:
            return _show(setup.planned(wishes))
        setup.install(wishes)
    except SetupFailed as failure:
        print(f"resolver: {failure}", file=sys.stderr)
        return FAILED
    if wishes.switches:
        print("done: this machine asks its own resolver. Back: sudo resolver uninstall")
    else:
        print("done: the service runs, and nothing points at it")
    return 0


def _show(made: Plan) -> int:
    for number, step in enumerate(made.steps, 1):
        print(f"{number:2}. {step.say}")
    for note in made.notes:
        print(f"note: {note}")
    for refusal in made.refusals:
        print(f"resolver: it would go no further: {refusal}", file=sys.stderr)
    return FAILED if made.refusals else 0


def _status(setup: Setup, *, as_json: bool) -> int:
    known, is_in_use = setup.status()
    if as_json:
        print(json.dumps(known | {"in use": is_in_use}))
    else:
        for key, value in known.items():
            said = ", ".join(map(str, value)) if isinstance(value, list) else value
            print(f"{key + ':':15} {said or 'none'}")
        print("this machine asks its own resolver" if is_in_use else "nothing points at it")
    return 0 if is_in_use else FAILED
