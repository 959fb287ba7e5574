"""resolver query: what the daemon of this machine, a server, or this process says to questions.

Each question on its own: one that fails does not keep the others from being asked. The exit status
is that of the worst. Whoever answers is named, on the second line.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from resolver.cli import ask, colors, present, questions, servers
from resolver.cli.bounds import bounded
from resolver.cli.present import Found, Source
from resolver.config import endpoints
from resolver.errors import ConfigError
from resolver.protocol.codes import Rcode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from resolver.config.endpoints import Endpoint
    from resolver.protocol.message import Question

ANSWERED, FAILED, SILENT = 0, 1, 9  # dig's own status for a server that says nothing


def run(options: argparse.Namespace) -> int:
    """0 if each question has an answer ("there is none" is one), 1 if not, 9 if nobody replied."""
    asked, server = questions.read(
        options.words, types=options.types, qclass=options.qclass, reverse=options.reverse
    )
    found = _found(asked, server, options)
    return max(_show(question, one, options, many=len(asked) > 1) for question, one in found)


def _found(
    asked: tuple[Question, ...], server: str, options: argparse.Namespace
) -> Iterator[tuple[Question, Found | ask.NoReply]]:
    """Each question with what came of it, as it comes."""
    if server:
        if options.lab or options.no_daemon:
            raise ConfigError("@SERVER", f"@{server}", "no server together with --lab, --no-daemon")
        places, stream = _named(server, options)
        return _from_server(places, asked, "server", options, stream)
    if options.port is not None:
        raise ConfigError("--port", options.port, "an @SERVER that it belongs to")
    if options.lab:
        return _from_here(asked, Source("lab", "resolved in a simulated Internet"), options)
    if options.no_daemon:
        return _from_here(asked, Source("process", "resolved in this process"), options)
    place, tried = servers.daemon(_listens(options))
    if place is not None:
        stream = ask.TCP if options.tcp else None
        return _from_server([place], asked, "daemon", options, stream)
    where = ", ".join(map(endpoints.show, tried))
    text = f"resolved in this process: no daemon of ours answers at {where}"
    return _from_here(asked, Source("process", text), options)


def _named(server: str, options: argparse.Namespace) -> tuple[list[Endpoint], ask.Stream | None]:
    """Where to ask, and over what if not UDP. Raises ConfigError."""
    scheme, mark, rest = server.partition("://")
    if mark and scheme in ("tls", "https", "quic"):
        from resolver.cli import ask_encrypted  # noqa: PLC0415  # OpenSSL takes a while to load

        return ask_encrypted.read(scheme, rest, options)
    if options.insecure or options.ca_file:
        key = "--insecure" if options.insecure else "--ca-file"
        raise ConfigError(key, f"@{server}", "an encrypted server: @tls://9.9.9.9#dns.quad9.net")
    stream = ask.TCP if options.tcp or (mark and scheme == "tcp") else None
    if mark and scheme not in ("udp", "tcp"):
        raise ConfigError(
            "@SERVER", f"@{server}", "@udp://, @tcp://, @tls://, @https:// or @quic://"
        )
    return servers.named(rest if mark else server, port=options.port), stream


def _listens(options: argparse.Namespace) -> list[str]:
    """Where the configuration says that a daemon listens. Raises ConfigError for --config's."""
    if options.config is None:
        return servers.default_listens()
    from resolver.config import load  # noqa: PLC0415  # the whole schema: only if it is named

    return list(load.load(options.config).server.listen)


def _from_server(
    places: list[Endpoint],
    asked: tuple[Question, ...],
    kind: str,
    options: argparse.Namespace,
    stream: ask.Stream | None,
) -> Iterator[tuple[Question, Found | ask.NoReply]]:
    manner = ask.Manner(
        timeout_s=bounded("--timeout", options.timeout, "ASK_REPLY_SECONDS"),
        stream=stream,
        wants_dnssec=options.dnssec,
        checking=not options.cd,
    )
    title = "answered by the daemon at" if kind == "daemon" else "answered by"
    for question in asked:
        try:
            reply = ask.ask(places, question, manner)
        except ask.NoReply as error:
            yield question, error
            continue
        where = endpoints.show(reply.server)
        text = f"{title} {where} ({reply.transport.upper()})"
        source = Source(kind, text, where, reply.transport)
        yield question, Found(ask.shown(reply.message, question), reply.elapsed_s, source)


def _from_here(
    asked: tuple[Question, ...], source: Source, options: argparse.Namespace
) -> Iterator[tuple[Question, Found]]:
    from resolver.cli import inprocess  # noqa: PLC0415  # the whole resolver

    for question, (answer, elapsed_s) in inprocess.answers(asked, options):
        yield question, Found(present.shown(answer), elapsed_s, source)


def _show(
    question: Question, found: Found | ask.NoReply, options: argparse.Namespace, *, many: bool
) -> int:
    """Print one; its exit status."""
    if isinstance(found, ask.NoReply):
        return _show_silence(question, found, options, many=many)
    is_answered = found.answer.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN)
    if options.json:
        _print_json(present.as_json(found, with_proofs=options.dnssec), many=many)
    elif options.short:
        for line in present.short(found.answer):
            print(line, flush=True)
        if not is_answered:
            print(f"resolver: {present.failure(found.answer)}", file=sys.stderr)
    else:
        text = present.dig(found, with_proofs=options.dnssec)
        is_colored = colors.are_wanted(options.color, sys.stdout)
        print(colors.laid_over(text) if is_colored else text, flush=True)
        if many:
            print()
    return ANSWERED if is_answered else FAILED


def _print_json(document: dict[str, Any], *, many: bool) -> None:
    import json  # noqa: PLC0415  # not for those who do not ask for it

    print(json.dumps(document, indent=None if many else 2), flush=True)


def _show_silence(
    question: Question, error: ask.NoReply, options: argparse.Namespace, *, many: bool
) -> int:
    if options.json:
        document = {
            "question": present.question_object(question), "status": None, "error": str(error)
        }  # fmt: skip
        _print_json(document, many=many)
    print(f"resolver: {present.asked_text(question)}: {error}", file=sys.stderr)
    return SILENT
