"""reload, tls reload: another configuration, other certificates, in the place of those in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta

from resolver.operate.verb import Arguments, Nothing, Right, Verb, first

if TYPE_CHECKING:
    from resolver.operate.verb import Reply
    from resolver.operate.view import Running


class ReloadArguments(Arguments, frozen=True, kw_only=True):
    """What `reload` takes."""

    dry_run: Annotated[bool, Meta(description="say what would change, and change nothing")] = False


async def reload(daemon: Running, given: ReloadArguments) -> Reply:
    """As SIGHUP does, and says what came of it. Raises NotReloaded."""
    done = await (daemon.preview() if given.dry_run else daemon.reload())
    return {
        "said": done.would_be() if given.dry_run else str(done),
        "changes": [
            {"key": change.key, "effect": change.effect, "before": before, "now": now}
            for change in done.changes
            for before, now in [change.told()]
        ],
        "files": list(done.files),
    }


async def tls_reload(daemon: Running, _: Nothing) -> Reply:
    """Look at the files of certificates now. Raises ConfigError where they do not fit."""
    is_other = await daemon.reload_certificates()
    return {"is_other": is_other, "pins": [one.pin for one in daemon.certificates]}


RELOAD: Final = Verb(
    "reload", Right.ACT, "read the configuration again, as SIGHUP does", ReloadArguments, reload,
    merge=first,
)  # fmt: skip
TLS_RELOAD: Final = Verb(
    "tls reload", Right.ACT, "take other certificates into use, if their files have changed",
    Nothing, tls_reload, merge=first,
)  # fmt: skip
