"""README's pictures of the app, light and dark, drawn anew from the pages as they are.

    make screenshots

They are written to `assets/brand`. Commit them once they are final: the history keeps every one.
"""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image

from benchmarks.start import CHROMIUM, HERE, STILL, server

QUERY = "?q=two+lions+in+the+desert"
SCHEMES = {"light": "search.webp", "dark": "search-dark.webp"}
SIZE = {"width": 1280, "height": 860}


def main() -> None:
    """Write one picture a theme."""
    from playwright.sync_api import sync_playwright

    with (
        tempfile.TemporaryDirectory() as home,
        server(HERE, Path(home)) as (address, _),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for scheme, name in SCHEMES.items():
            context = browser.new_context(viewport=SIZE, color_scheme=scheme)  # type: ignore[arg-type]
            page = context.new_page()
            page.set_default_timeout(120_000)
            page.goto(f"{address}/{QUERY}")
            page.wait_for_function(STILL, polling=50)
            page.locator(".tile").first.click()
            page.get_by_role("heading", name="Why this image").wait_for()
            page.wait_for_function(STILL, polling=50)
            page.wait_for_load_state("networkidle")
            target = HERE / "assets" / "brand" / name
            Image.open(BytesIO(page.screenshot())).save(target, "WEBP", quality=82, method=6)
            print(f"{target.relative_to(HERE)}: {target.stat().st_size:,} bytes")
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
