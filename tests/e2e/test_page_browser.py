"""The page in a real browser: headless Chromium, driven by selenium, without and with the token.

Screenshots of what was seen stay in the folder that $RESOLVER_SHOTS names. Whether it can be used
by everybody axe-core says, where npm can have it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.test_page import page_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from selenium.webdriver.chrome.webdriver import WebDriver

    from tests.e2e.test_page import Served

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
PATIENCE_S = 30.0
DESKTOP, PHONE = (1180, 1250), (390, 1700)
NAMES = ("www.example.com", "www.example.com", "www.signed.org", "www.bogus.org", "www.lame.org")
AXE = "const done = arguments[0]; axe.run(document).then(done, (error) => done(String(error)))"


@pytest.fixture(scope="module")
def page() -> Iterator[Served]:
    absent = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")
    with page_of(*NAMES) as served:
        yield served


@contextmanager
def browser(size: tuple[int, int] = DESKTOP, *, scheme: str = "light") -> Iterator[WebDriver]:
    from selenium import webdriver  # noqa: PLC0415  # for these tests alone
    from selenium.webdriver.chrome.service import Service  # noqa: PLC0415

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver") or ""))
    try:
        width, height = size
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE},
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        yield driver
    finally:
        driver.quit()


def until(driver: WebDriver, script: str) -> None:
    """Returns when *script* says so, within PATIENCE_S."""
    ends_at = time.monotonic() + PATIENCE_S
    while not driver.execute_script(f"return {script}"):
        assert time.monotonic() < ends_at, script
        time.sleep(0.1)


def shot(driver: WebDriver, name: str) -> None:
    if folder := os.environ.get("RESOLVER_SHOTS"):
        Path(folder).mkdir(exist_ok=True)
        driver.save_screenshot(str(Path(folder) / f"{name}.png"))


def opened(driver: WebDriver, page: Served, *, with_token: bool) -> None:
    ending = f"#token={page.token}" if with_token else ""
    driver.get(f"http://127.0.0.1:{page.port}/{ending}")
    until(driver, "document.getElementById('live').className === 'on'")
    if with_token:
        until(driver, "!!document.querySelector('#zones td')")


def complaints(driver: WebDriver) -> list[str]:
    """What the browser's console has against the page."""
    return [one["message"] for one in driver.get_log("browser")]  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_is_live_fits_and_has_nothing_against_it(
    page: Served, size: tuple[int, int], scheme: str
) -> None:
    name = f"{scheme}-{'phone' if size == PHONE else 'desktop'}"
    with browser(size, scheme=scheme) as driver:
        opened(driver, page, with_token=True)
        shot(driver, name)
        wide: Callable[..., Any] = driver.execute_script
        assert wide("return document.documentElement.scrollWidth") <= size[0]
        assert wide("return location.hash") == ""
        assert wide("return document.cookie") == ""
        assert complaints(driver) == []


def test_names_come_with_the_token_and_a_wrong_one_is_told(page: Served) -> None:
    with browser() as driver:
        opened(driver, page, with_token=False)
        assert "bogus.org" not in driver.page_source
        enter = (
            "document.getElementById('token').value = {!r};"
            "document.querySelector('#enter button').click()"
        )
        driver.execute_script(enter.format("wrong-wrong-wrong"))
        until(driver, "document.getElementById('said').textContent.includes('another one')")
        driver.execute_script(enter.format(page.token))
        until(driver, "document.body.textContent.includes('bogus.org.')")


def test_the_log_runs_while_it_is_open_and_the_look_up_answers(page: Served) -> None:
    with browser() as driver:
        opened(driver, page, with_token=True)
        driver.execute_script("document.getElementById('log').open = true")
        ends_at = time.monotonic() + PATIENCE_S
        while "www.lame.org." not in driver.page_source and time.monotonic() < ends_at:
            page.daemon.ask("www.lame.org")
            time.sleep(0.5)
        until(driver, "document.getElementById('lines').rows.length > 0")
        driver.execute_script(
            "document.getElementById('look').value = 'www.bogus.org';"
            "document.querySelector('.p-look button').click()"
        )
        until(driver, "document.getElementById('result').textContent.includes('Chain of trust')")
        shot(driver, "look-up")
        assert complaints(driver) == []


def test_it_can_be_read_without_a_script(page: Served) -> None:
    with browser() as driver:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        driver.get(f"http://127.0.0.1:{page.port}/")
        assert "The link is up" in driver.page_source
        shot(driver, "without-script")


def _axe(folder: Path) -> str | None:
    """The source of axe-core, as npm packs it."""
    if shutil.which("npm") is None:
        return None
    done = subprocess.run(
        ["npm", "pack", "axe-core", "--silent"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    if done.returncode:
        return None
    with tarfile.open(folder / done.stdout.strip().splitlines()[-1]) as packed:
        file = packed.extractfile("package/axe.min.js")
        return file.read().decode() if file is not None else None


def test_everybody_can_use_it(page: Served, tmp_path: Path) -> None:
    """No finding of axe-core, with all panels, light and dark, desktop and phone."""
    source = _axe(tmp_path)
    if source is None:
        pytest.skip("not installed: axe-core, which npm cannot have")
    for size, scheme in ((DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark")):
        with browser(size, scheme=scheme) as driver:
            opened(driver, page, with_token=True)
            driver.execute_script("document.getElementById('log').open = true")
            driver.execute_cdp_cmd("Runtime.evaluate", {"expression": source})
            told = driver.execute_async_script(AXE)
            findings = [
                (one["id"], one["help"], [node["html"][:120] for node in one["nodes"]][:3])
                for one in told["violations"]
            ]
            assert findings == [], json.dumps(findings, indent=1)
