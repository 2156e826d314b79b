"""Measure the page: its size, the time until it is usable, and whether it keeps up with a busy room.

``.venv/bin/python benchmarks/page.py`` (after ``make .venv/dev.stamp``; needs Chromium). Each figure is
measured in a new browser profile on this machine, by what is visible on the page.
"""

import gzip
import re
import socket
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "console")]

from console_page import FLAGS, ConsolePage, executable, user_page  # noqa: E402 - the path comes first
from playwright.sync_api import Browser, Response, expect, sync_playwright  # noqa: E402
from running_server import free_port, running_server  # noqa: E402

PAGES = ("", "console/admin", "docs/", "docs/chateau")
ROUNDS = 10
RATE = 200  # messages per second
FLOOD_SECONDS = 10

WHEN_CONNECTED = """
    addEventListener("DOMContentLoaded", () => {
      const status = document.getElementById("status");
      const look = () => {
        if (status.textContent === "Connected") window.connectedAfter ??= performance.now();
      };
      new MutationObserver(look).observe(status, { childList: true, characterData: true, subtree: true });
      look();
    });
"""


def main() -> None:
    """Measure everything, and print the results."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(playwright), args=FLAGS)
        with running_server() as server:
            for path in PAGES:
                print_size(browser, server.address, path)
            print_interactive(browser, server.address)
            print_first_message(browser, server.address)
        print_flood(browser)
        browser.close()


def print_size(browser: Browser, address: str, path: str) -> None:
    """Print the size of the page at *path* with all the files it loads, as served and compressed."""
    with user_page(browser) as page:
        responses: list[Response] = []
        page.page.on("response", responses.append)
        page.page.goto(address + path, wait_until="networkidle")
        contents = [response.body() for response in responses]
    size = sum(map(len, contents))
    compressed = sum(len(gzip.compress(content)) for content in contents)
    print(f"/{path}: {len(contents)} files, {size / 1000:.1f} KB ({compressed / 1000:.1f} gzipped)")


def print_interactive(browser: Browser, address: str) -> None:
    """Print the time from navigation until the page is connected, with an empty cache."""
    times = []
    for _ in range(ROUNDS):
        with user_page(browser) as page:
            page.page.add_init_script(WHEN_CONNECTED)
            page.page.goto(address)
            page.page.wait_for_function("window.connectedAfter !== undefined")
            times.append(page.page.evaluate("window.connectedAfter"))
    print(f"interactive after {statistics.median(times):.0f} ms, at most {max(times):.0f}; target: 500 ms")


def print_first_message(browser: Browser, address: str) -> None:
    """Print the time from navigation until the first message is shown in the room, by pressing Enter."""
    with user_page(browser) as page:
        start = time.perf_counter()
        page.page.goto(address)
        expect(page.name).to_be_focused()
        page.page.keyboard.press("Enter")
        expect(page.page.get_by_label("Name of a room to join")).to_be_focused()
        page.page.keyboard.press("Enter")
        expect(page.text).to_be_focused()
        page.page.keyboard.type("good morning")
        page.page.keyboard.press("Enter")
        expect(page.messages.locator(".content")).to_have_text("good morning")
        took = time.perf_counter() - start
    print(f"first message {took:.1f} s after opening, without pauses; target: 10 s")


def print_flood(browser: Browser) -> None:
    """Print whether every message of a steady flood is shown in an open room."""
    port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(running_server("--lines-port", str(port), "--max-rate", "0"))
        page = stack.enter_context(user_page(browser)).register(server.address, "quinn").join("stream")
        line = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=8))
        line.sendall(b"LOGIN rain\nJOIN stream\n")
        expect(page.messages).to_contain_text("rain joined.")
        before = frames_seen(page)
        total = RATE * FLOOD_SECONDS
        pour(line, total)
        page.expect_message("rain", f"drop {total}")
        page.page.wait_for_timeout(100)  # for the count, which is rendered with the next frame
        seen = frames_seen(page) - before
        shown = page.messages.locator(".content").all_inner_texts()
    last = [f"drop {number}" for number in range(total - len(shown) + 1, total + 1)]
    print(
        f"{total} messages at {RATE} per second: {seen} frames seen (with the page's own requests), "
        f"the last {len(shown)} shown {'in order, none missing' if shown == last else 'WITH GAPS'}"
    )


def pour(line: socket.socket, total: int) -> None:
    """Send *total* messages, at ``RATE`` per second."""
    start = time.perf_counter()
    for number in range(1, total + 1):
        line.sendall(f"drop {number}\n".encode())
        time.sleep(max(0.0, start + number / RATE - time.perf_counter()))


def frames_seen(page: ConsolePage) -> int:
    """Return the number of frames that the page reports."""
    found = re.search(r"[\d,]+", page.page.locator("#frame-count").inner_text())
    return int(found[0].replace(",", "")) if found else 0


if __name__ == "__main__":
    main()
