"""Where data of the real world lies: the root zone, popular names, packets, measured round trips.

Beside the project, or where RESOLVER_TEST_DATA says; CONTRIBUTING.md lists what is in it.
"""

import os
from pathlib import Path

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
FOLDER = Path(os.environ.get("RESOLVER_TEST_DATA", _BESIDE))
