"""The daemon as a process: what keeps it from starting is told in a line."""

from __future__ import annotations

import pytest

from resolver.config.schema import Config, Server
from resolver.daemon import descriptors, foreground
from resolver.errors import CannotStart


@pytest.mark.reaches("DESCRIPTORS_LEAST")
def test_too_few_open_files_are_told_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not as whatever happens to fail for want of the next one."""
    monkeypatch.setattr(descriptors, "raise_descriptor_limit", lambda: 27)
    monkeypatch.setattr(descriptors, "descriptor_limit", lambda: 27)
    config = Config(server=Server(listen=("127.0.0.1:1", "127.0.0.2:1"), user=""))
    with pytest.raises(CannotStart, match=r"only 27 open files .* at least 28"):
        foreground.serve(config)
