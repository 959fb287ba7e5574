"""The arguments of `open` and `open_sync` → what to run: a configuration, and which Internet."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from resolver.config import load
from resolver.config.schema import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resolver.lab.virtual_network import VirtualNetwork

Configuration: TypeAlias = Config | str | PathLike[str] | Mapping[str, Any]
Zones: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Settings:
    """*zones*: text of zone files by apex, put into the lab's Internet."""

    config: Config
    lab: bool = False
    zones: Zones = field(default_factory=dict)

    @classmethod
    def of(cls, config: Configuration | None, *, lab: bool | None, zones: Zones | None) -> Settings:
        """*lab* None: as `use_lab` says, else the real Internet. Raises ConfigError."""
        if lab is None and zones is None and _labs:
            return cls(_config(config), lab=True, zones=_labs[-1])
        if lab is False and zones:
            raise ValueError("zones are for the lab: lab=True")
        return cls(_config(config), lab=bool(lab or zones is not None), zones=dict(zones or {}))

    @contextmanager
    def internet(self) -> Iterator[tuple[Config, VirtualNetwork | None]]:
        """As `internet`, for a resolver inside another program."""
        # Who follows a key rollover, and keeps the state, is the daemon.
        dnssec = msgspec.structs.replace(self.config.dnssec, rfc5011=False)
        config = msgspec.structs.replace(self.config, dnssec=dnssec)
        with internet(config, lab=self.lab, zones=self.zones) as found:
            yield found


@contextmanager
def internet(
    config: Config, *, lab: bool, zones: Zones = MappingProxyType({})
) -> Iterator[tuple[Config, VirtualNetwork | None]]:
    """The real one (None), or the lab's with the configuration that fits it.

    The files that this names are there as long as the block: a resolver reads them as it starts,
    and a daemon again once it has given up root.
    """
    if not lab:
        yield config, None
        return
    from resolver.daemon import privileges  # noqa: PLC0415  # loaded only for those who ask
    from resolver.lab import demo, own_zones  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="resolver-lab-") as directory:
        user = privileges.user_of(config.server.user)
        if user and os.geteuid() == 0:
            with suppress(LookupError):  # an unknown account is told at the start
                shutil.chown(directory, user)
        made = demo.demo(wall=time.time(), own=zones)
        fitting = made.world.configure(config, directory)
        stubs = (*config.stub, *own_zones.stubs(made.world, zones))
        yield msgspec.structs.replace(fitting, stub=stubs), made.network


_labs: list[Zones] = []


@contextmanager
def use_lab(*, zones: Zones | None = None) -> Iterator[None]:
    """While the block runs, `open` and `open_sync` go to the lab, in the whole process.

    For tests of programs that open their resolver themselves. What says lab= itself is left alone.
    """
    own = dict(zones or {})
    _labs.append(own)
    try:
        yield
    finally:
        del _labs[max(at for at, one in enumerate(_labs) if one is own)]


def _config(config: Configuration | None) -> Config:
    if config is None:
        return Config()
    if isinstance(config, Config):
        return config
    if isinstance(config, Mapping):
        made, problems = load.interpret(dict(config), "config")
        if problems:
            raise problems[0]
        return made
    return load.load(Path(config))
