"""Finds a Chromium for the browser tests, and installs one where none is (`python tests/support/chromium.py`)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The system's Chromium, or else the one Playwright installed; None where there is neither."""
    for name in NAMES:
        if (path := shutil.which(name)) is not None:
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install() -> int:
    """Install Chromium if need be; 0 when there is one at the end."""
    if find() is not None:
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get") is not None:
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], check=False, stdout=subprocess.DEVNULL)
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if find() is not None:
        return 0
    command = f"{sys.executable} -m playwright install --with-deps chromium"
    print(f"The browser tests need Chromium: `apt install chromium` as root, or `{command}`.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(install())
