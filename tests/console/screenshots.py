"""``make screenshots``: the pictures in the README, of a running server and of a report.

Three users take part: two in browsers, one in a terminal. The sequence diagram is that of a scenario that a
student's first server fails.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from console_page import FLAGS, ConsolePage, executable, user_page  # noqa: E402 - the path comes first
from playwright.sync_api import expect, sync_playwright  # noqa: E402
from running_server import free_port, running_server  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PICTURES = ROOT / "docs" / "pictures"
FAILED_SCENARIO = "messages/conformance/chateau/message-to-a-name-listed-twice-is-delivered-once.json"
STUDENT_SERVER = f"{sys.executable} examples/student_server.py --port {{port}}"


def main() -> None:
    """Take all pictures."""
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(playwright), args=FLAGS)
        picture_console(browser)
        picture_diagram(browser)
        browser.close()


def picture_console(browser: Browser) -> None:
    """Take a picture of the chat page during a conversation, with a chosen frame."""
    port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(running_server("--lines-port", str(port)))
        alice = stack.enter_context(user_page(browser)).register(server.address, "alice").join("lobby")
        bob = stack.enter_context(user_page(browser)).register(server.address, "bob").join("lobby")
        terminal = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=8))
        exchange(bob, alice, "bob", "Good morning! Who else is here?")
        terminal.sendall(b"LOGIN dave\nJOIN lobby\nme, from a terminal: nc localhost 9090\n")
        alice.expect_message("dave", "me, from a terminal: nc localhost 9090")
        exchange(alice, alice, "alice", "and I see every frame on the right")
        alice.frames.get_by_role("button", name="publish: push").last.click()
        alice.page.mouse.move(0, 0)
        alice.page.wait_for_timeout(500)  # for content that is rendered later: lists, the five protocols
        alice.page.set_viewport_size({"width": 1440, "height": 900})
        alice.page.screenshot(path=PICTURES / "console.png")


def exchange(sender: ConsolePage, receiver: ConsolePage, name: str, text: str) -> None:
    sender.send_message(text)
    receiver.expect_message(name, text)


def picture_diagram(browser: Browser) -> None:
    """Take a picture of the sequence diagram of a scenario that fails."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.html"
        command = [sys.executable, "test_client.py", "--server-command", STUDENT_SERVER]
        subprocess.run([*command, "--html", str(report), FAILED_SCENARIO], cwd=ROOT, check=False)
        page = browser.new_page(viewport={"width": 1000, "height": 800}, device_scale_factor=1.5)
        page.goto(report.as_uri())
        diagram = page.locator("table.diagram")
        expect(diagram).to_be_visible()
        diagram.screenshot(path=PICTURES / "sequence.png")
        page.close()


if __name__ == "__main__":
    main()
