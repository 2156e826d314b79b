"""The Admin console in a browser: what it shows of the server, and the actions of an admin."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from admin_page import KEY, AdminPage, Pages, Terminal, terminal
from axe_playwright_python.sync_playwright import Axe
from console_page import UNREACHABLE, VIEWPORT
from playwright.sync_api import expect
from running_server import RunningServer, free_port, running_server

MARKUP = "<img src=x onerror=\"alert('x')\">"
SERIOUS = ("serious", "critical")


@pytest.fixture
def connect(server: RunningServer, lines_port: int) -> Iterator[Callable[..., Terminal]]:
    """Connects terminals, which send lines."""
    with ExitStack() as stack:
        yield lambda *lines: stack.enter_context(terminal(lines_port, *lines))


# The key


def test_wrong_key_is_reported_and_the_right_one_opens_the_console(
    server: RunningServer, pages: Pages
) -> None:
    admin = pages.admin().visit(server.address)

    admin.submit("wrong")
    error = admin.page.locator("#key-error")
    expect(error).to_have_text("The secret key is wrong.")
    expect(admin.key).to_be_focused()
    expect(admin.key).to_have_accessible_description(re.compile(r"The secret key is wrong\."))
    admin.submit(KEY)

    expect(admin.status).to_have_text("Connected")
    expect(admin.key).to_be_hidden()
    expect(admin.page.get_by_role("heading", name="Live sessions")).to_be_focused()


def test_key_is_stored_nowhere(server: RunningServer, pages: Pages) -> None:
    admin = pages.admin().open(server.address)

    stored = admin.page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
    assert stored == [0, 0, ""]
    expect(admin.key).to_have_value("")
    admin.press("Forget the key")
    expect(admin.key).to_be_focused()
    expect(admin.page.get_by_role("heading", name="Live sessions")).to_be_hidden()
    admin.submit(KEY)
    expect(admin.status).to_have_text("Connected")
    admin.page.reload()
    expect(admin.key).to_be_focused()


def test_console_of_a_server_without_a_key_explains_how_to_enable_it(pages: Pages) -> None:
    with running_server() as server:
        admin = pages.admin().visit(server.address)
        admin.press("Open")

        sentence = "The admin API is off: start the server with --secret-key."
        expect(admin.page.locator("#key-error")).to_have_text(sentence)


def test_console_works_under_a_url_prefix(prefixed_server: RunningServer, pages: Pages) -> None:
    admin = pages.admin().open(prefixed_server.address)

    back = admin.page.get_by_role("link", name="Back to the chat")
    expect(back).to_have_attribute("href", "/chat/room/")


# Sessions


def test_sessions_are_shown_with_their_details(
    server: RunningServer, pages: Pages, connect: Callable[..., Terminal]
) -> None:
    admin = pages.admin().open(server.address)
    connect("LOGIN ada", "JOIN orchard")
    pages.user().register(server.address, "ben").join("orchard")

    ada, ben = admin.session("ada"), admin.session("ben")
    expect(ada.get_by_role("cell", name=re.compile("lines"))).to_be_visible()
    expect(ben.get_by_role("cell", name=re.compile("chateau"))).to_be_visible()
    for row in (ada, ben):
        expect(row).to_contain_text(re.compile(r"#\d+.*127\.0\.0\.1:\d+.*orchard.*\d B", re.DOTALL))


def test_filter_shows_the_matching_sessions_and_their_number(
    server: RunningServer, pages: Pages, connect: Callable[..., Terminal]
) -> None:
    admin = pages.admin().open(server.address)
    for name in ("cat1", "cat2", "dog1"):
        connect(f"LOGIN {name}")
        expect(admin.session(name)).to_be_visible()

    admin.page.locator("#sessions-filter").fill("CAT")

    expect(admin.session("dog1")).to_have_count(0)
    expect(admin.session("cat2")).to_be_visible()
    expect(admin.page.locator("#sessions-count")).to_have_text(
        re.compile(r"2 of \d+ sessions shown, of 2 that match\.")
    )


def test_rows_do_not_move_until_they_are_sorted(
    server: RunningServer, pages: Pages, connect: Callable[..., Terminal]
) -> None:
    admin = pages.admin().open(server.address)
    quick = {name: connect(f"LOGIN {name}", "JOIN place") for name in ("rowa", "rowb", "rowc")}
    for name in quick:
        expect(admin.session(name)).to_be_visible()
    admin.page.locator("#sessions-filter").fill("row")
    admin.page.get_by_role("button", name="Messages/s").click()
    header = admin.page.get_by_role("columnheader", name="Messages/s")
    expect(header).to_have_attribute("aria-sort", "descending")
    before = names(admin)
    admin.page.evaluate("for (const row of document.querySelectorAll('#sessions tbody tr')) row.isSame = 1")

    last = before[-1]
    for _ in range(100):
        quick[last].send("hello")
    rate = admin.session(last).locator(".figure").first
    expect(rate).to_have_text(re.compile(r"^\d\d"))

    assert names(admin) == before
    assert admin.page.evaluate(
        "[...document.querySelectorAll('#sessions tbody tr')].every((row) => row.isSame)"
    )
    admin.press("User")
    assert names(admin) == ["rowa", "rowb", "rowc"]
    expect(header).not_to_have_attribute("aria-sort", "descending")
    admin.press("User")
    assert names(admin) == ["rowc", "rowb", "rowa"]


def names(admin: AdminPage) -> list[str]:
    return admin.page.locator("#sessions tbody th").all_inner_texts()


def test_200_of_many_sessions_are_shown_and_a_filter_finds_the_others(pages: Pages) -> None:
    port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(running_server("--secret-key", KEY, "--lines-port", str(port)))
        for number in range(230):
            stack.enter_context(terminal(port, f"LOGIN user{number}"))
        admin = pages.admin().open(server.address)

        count = admin.page.locator("#sessions-count")
        expect(count).to_have_text("200 of 230 sessions shown, the busiest.")
        assert admin.page.locator("#sessions tbody tr").count() == 200
        hidden = ({f"user{number}" for number in range(230)} - set(names(admin))).pop()
        admin.page.locator("#sessions-filter").fill(hidden)
        expect(admin.session(hidden)).to_be_visible()
        admin.page.close()


# Kick


def test_kicked_page_is_sent_the_reason(server: RunningServer, pages: Pages) -> None:
    user = pages.user().register(server.address, "eve")
    admin = pages.admin().open(server.address)

    before = admin.id_of("eve")
    admin.press(f"Kick {before}")
    admin.form.get_by_label("Reason").fill("be kind")
    admin.form.get_by_role("button", name="Kick").click()

    expect(user.frames.get_by_role("button", name="closed 1008, kicked: be kind")).to_be_visible()
    expect(admin.page.locator("#sessions-status")).to_have_text(f"{before} was kicked.")
    expect(admin.form).to_have_count(0)
    expect(admin.page.get_by_role("button", name=f"Kick {before}")).to_have_count(0)
    expect(admin.session("eve")).to_be_visible()  # the page reconnects


def test_kick_by_keyboard_leaves_the_focus_in_the_table(
    server: RunningServer, pages: Pages, connect: Callable[..., Terminal]
) -> None:
    keys = pages.admin().visit(server.address)
    connect("LOGIN kick1")
    kicked = connect("LOGIN kick2")
    connect("LOGIN kick3")
    keyboard = keys.page.keyboard
    keyboard.type(KEY)
    keyboard.press("Enter")
    expect(keys.session("kick3")).to_be_visible()

    keyboard.press("Tab")
    keyboard.type("kick")
    expect(keys.page.locator("#sessions tbody tr")).to_have_count(3)
    for _ in range(20):
        keyboard.press("Tab")
        if keys.page.evaluate("document.activeElement.getAttribute('aria-label') ?? ''").startswith(
            "Kick kick1"
        ):
            break
    keyboard.press("ArrowDown")
    expect(keys.page.get_by_role("button", name="Kick kick2")).to_be_focused()
    keyboard.press("Enter")
    expect(keys.form.get_by_label("Reason")).to_be_focused()
    keyboard.press("Escape")
    expect(keys.page.get_by_role("button", name="Kick kick2")).to_be_focused()
    keyboard.press("Enter")
    keyboard.type("too loud")
    keyboard.press("Enter")

    assert "too loud" in kicked.expect_line("kicked")
    expect(keys.session("kick2")).to_have_count(0)
    expect(keys.page.get_by_role("button", name="Kick kick3")).to_be_focused()


def test_kick_form_of_a_session_that_ends_is_disabled(
    server: RunningServer, pages: Pages, connect: Callable[..., Terminal]
) -> None:
    admin = pages.admin().open(server.address)
    leaving = connect("LOGIN fleet1")
    connect("LOGIN fleet2")
    expect(admin.session("fleet2")).to_be_visible()
    admin.press(f"Kick {admin.id_of('fleet1')}")
    reason = admin.form.get_by_label("Reason")
    reason.fill("too")

    leaving.close()

    expect(admin.form.get_by_role("alert")).to_have_text("This session no longer exists.")
    expect(reason).to_be_focused()
    reason.press("Enter")
    expect(admin.session("fleet2")).to_be_visible()
    admin.form.get_by_role("button", name="Cancel").click()
    expect(admin.session("fleet1")).to_have_count(0)


# The tap


def test_tap_shows_the_frames_of_a_session_which_is_notified(server: RunningServer, pages: Pages) -> None:
    user = pages.user().register(server.address, "fay").join("ward")
    admin = pages.admin().open(server.address)

    admin.press(f"Tap {admin.id_of('fay')}")

    expect(user.frames.get_by_role("button", name="tapped").first).to_be_visible()
    expect(admin.tap).to_contain_text("The tapped session has been notified.")
    expect(admin.session("fay")).to_contain_text("tapped")
    user.send_message(MARKUP)
    said = admin.tapped_frames.filter(has_text="onerror")
    expect(said.filter(has_text=re.compile(r"\d\d:\d\d:\d\d\.\d{3}.*in.*\d+ B", re.DOTALL))).to_have_count(1)
    expect(said.filter(has=admin.page.locator(".out"))).to_have_count(1)
    said.first.click()
    shown = json.loads(admin.page.locator("#tap-frame-text").inner_text())
    assert (shown["type"], shown["content"]) == (7, MARKUP)
    assert admin.page.locator("main img").count() == 0

    admin.press("Close the tap")
    expect(user.frames.get_by_role("button", name="tapped")).to_have_count(2)
    expect(admin.page.get_by_role("button", name=re.compile(r"Tap fay"))).to_be_focused()
    expect(admin.session("fay")).not_to_contain_text("tapped", timeout=4_000)


def test_tap_is_paused_and_reports_the_end_of_its_session(
    server: RunningServer, pages: Pages, connect: Callable[..., Terminal]
) -> None:
    admin = pages.admin().open(server.address)
    talker = connect("LOGIN gus", "JOIN pause")
    admin.press(f"Tap {admin.id_of('gus')}")
    expect(admin.tap).to_contain_text("has been notified")
    talker.expect_line('"tapped"')
    talker.send("before")
    expect(admin.tapped_frames.filter(has_text=re.compile(r"in\s*before"))).to_have_count(1)

    admin.press("Pause")
    talker.send("meanwhile")
    expect(admin.page.locator("#tap-waiting")).to_have_text(re.compile(r"\d new"))
    expect(admin.tapped_frames.filter(has_text="meanwhile")).to_have_count(0)
    admin.press("Pause")
    expect(admin.tapped_frames.filter(has_text=re.compile(r"in\s*meanwhile"))).to_have_count(1)
    talker.close()

    expect(admin.page.locator("#tap-status")).to_contain_text("The tap has ended")


def test_tap_shows_the_last_500_frames(
    server: RunningServer, pages: Pages, connect: Callable[..., Terminal]
) -> None:
    admin = pages.admin().open(server.address)
    rain = connect("LOGIN hail", "JOIN storm")
    admin.press(f"Tap {admin.id_of('hail')}")
    expect(admin.tap).to_contain_text("has been notified")

    rain.send(*(f"drop {number}" for number in range(1, 801)))

    expect(admin.tapped_frames.filter(has_text="drop 800").first).to_be_visible()
    expect(admin.tapped_frames).to_have_count(500)


# Bans


def test_address_is_banned_and_unbanned(server: RunningServer, pages: Pages) -> None:
    admin = pages.admin().open(server.address)
    field = admin.page.get_by_label("Address or range, such as")
    bans = admin.page.get_by_role("list", name="Banned addresses")

    field.fill("nonsense")
    field.press("Enter")
    expect(admin.page.locator("#ban-error")).to_contain_text("nonsense")
    expect(field).to_be_focused()
    field.fill("192.0.2.0/24")
    field.press("Enter")
    expect(bans.get_by_role("listitem")).to_have_text("192.0.2.0/24Unban")
    expect(admin.page.locator("#ban-error")).to_have_text("")
    admin.press("Unban 192.0.2.0/24")

    expect(bans.get_by_role("listitem")).to_have_count(0)
    expect(field).to_be_focused()
    expect(admin.page.locator("#bans-status")).to_have_text("192.0.2.0/24 is no longer banned.")


def test_address_of_a_session_is_banned_from_its_row(pages: Pages) -> None:
    with running_server("--secret-key", KEY) as server:
        user = pages.user().register(server.address, "ivy")
        admin = pages.admin().open(server.address)
        admin.press(f"Ban address 127.0.0.1 of {admin.id_of('ivy')}")
        expect(admin.form.get_by_label("Address or range")).to_have_value("127.0.0.1")
        admin.form.get_by_role("button", name="Ban").click()

        expect(admin.page.get_by_role("button", name="Unban 127.0.0.1")).to_be_visible()
        expect(admin.status).to_have_text("Connected")
        expect(admin.page.locator("#sessions-count")).to_have_text(re.compile(r"No session\.|1 session\."))
        user.page.close()
        admin.page.close()


# Rooms


def test_room_is_closed_opened_locked_and_deleted(server: RunningServer, pages: Pages) -> None:
    user = pages.user().register(server.address, "jan").join("den")
    admin = pages.admin().open(server.address)
    room = admin.room("den")
    expect(room.get_by_role("cell").first).to_have_text("1")

    admin.press("Close den")
    expect(room).to_contain_text("closed")
    expect(user.messages).to_contain_text("The room was closed.")
    admin.press("Open den")
    expect(room).to_contain_text("open")
    admin.press("Lock den")
    admin.form.get_by_label("Password").fill("sesame")
    admin.form.get_by_label("Password").press("Enter")
    expect(room).to_contain_text("locked")
    expect(admin.page.get_by_role("button", name="Lock den")).to_be_focused()
    admin.press("Delete den")
    expect(admin.form.get_by_role("button", name="Cancel")).to_be_focused()
    admin.form.get_by_role("button", name="Delete permanently").click()

    expect(room).to_have_count(0)
    expect(user.messages).to_contain_text("The room was deleted.")
    expect(admin.page.locator("#rooms-status")).to_have_text("den was deleted.")


def test_user_is_banned_and_unbanned_from_a_room(server: RunningServer, pages: Pages) -> None:
    user = pages.user().register(server.address, "kai").join("loft")
    admin = pages.admin().open(server.address)

    admin.press("Ban user from loft")
    username = admin.form.get_by_label("Username")
    username.fill("nobody at all")
    username.press("Enter")
    error = admin.form.get_by_role("alert")
    expect(error).to_have_text('Nobody is registered as "nobody at all".')
    expect(username).to_be_focused()
    username.fill("kai")
    username.press("Enter")
    expect(admin.room("loft")).to_contain_text("kai")
    expect(user.messages).to_contain_text("You were banned from the room.")
    admin.press("Unban user from loft")
    admin.form.get_by_role("button", name="Unban").click()

    expect(admin.page.locator("#rooms-status")).to_have_text("kai is no longer banned from loft.")


def test_failed_action_is_reported_next_to_its_button(
    server: RunningServer, pages: Pages, connect: Callable[..., Terminal]
) -> None:
    admin = pages.admin().open(server.address)
    connect("LOGIN lea", "JOIN shed")
    expect(admin.room("shed")).to_be_visible()
    admin.page.route("**/admin/close-room", lambda route: route.continue_(post_data='{"room": "no shed"}'))

    admin.press("Close shed")

    expect(admin.room("shed").get_by_role("alert")).to_have_text('There is no room "no shed".')


# Charts


def test_charts_move_and_describe_their_values(
    server: RunningServer, pages: Pages, connect: Callable[..., Terminal]
) -> None:
    admin = pages.admin().open(server.address)
    rate = admin.page.locator("#rate")
    line = rate.locator("g.line path")
    expect(line).to_have_attribute("d", re.compile(r"^M .* L "))
    before = line.get_attribute("d")
    connect("LOGIN mia", "JOIN hall").send(*["hello"] * 200)

    expect(line).not_to_have_attribute("d", before or "")
    expect(rate.locator("strong")).not_to_have_text(re.compile("^[^1-9]$"))
    expect(rate.get_by_role("img")).to_have_accessible_name(
        re.compile("Messages per second in the last two minutes")
    )
    latency = admin.page.locator("#latency")
    expect(latency.locator("strong")).to_have_text([re.compile(r"^[\d.]+ ms$")] * 2)
    assert latency.locator("g.line").count() == 2
    top = rate.locator(".frame text").nth(2).text_content()
    assert float((top or "").replace(",", "")) >= 5


def test_chart_with_reduced_motion_moves_every_ten_seconds(server: RunningServer, pages: Pages) -> None:
    admin = pages.admin(reduced_motion="reduce")
    admin.page.clock.install()
    admin.open(server.address)
    line = admin.page.locator("#rate g.line path")
    expect(admin.page.locator("#rate strong")).to_have_text(re.compile(r"\d"))

    assert line.get_attribute("d") in (None, "")
    admin.page.clock.fast_forward(10_500)
    expect(line).to_have_attribute("d", re.compile(r"^M .* L "), timeout=15_000)


# Shutdown, and loss of the server


def test_shutdown_is_confirmed_and_its_reason_shown_to_users(pages: Pages) -> None:
    with running_server("--secret-key", KEY) as server:
        user = pages.user().register(server.address, "nia")
        admin = pages.admin().open(server.address)
        reason = admin.page.get_by_label("Reason, shown to everyone")
        reason.fill("the lecture is over")
        reason.press("Enter")
        expect(admin.form.get_by_role("button", name="Cancel")).to_be_focused()
        admin.page.keyboard.press("Escape")
        expect(reason).to_be_focused()
        expect(admin.form).to_have_count(0)
        reason.press("Enter")
        admin.press("Yes, shut down")

        expect(user.page.locator("#banner")).to_contain_text(
            "The server is shutting down: the lecture is over"
        )
        expect(admin.status).to_contain_text("Not connected; trying again in")
        expect(admin.banner).to_contain_text("The server is not available")
        server.process.wait(timeout=15)
        user.page.close()
        admin.page.close()
        user.expect_faults(UNREACHABLE)


def test_console_reconnects_to_a_restarted_server(pages: Pages) -> None:
    flags = ("--port", str(free_port()))
    admin = pages.admin()
    with running_server(*flags, "--secret-key", KEY) as server:
        admin.open(server.address)
        user = pages.user().register(server.address, "oda")
        expect(admin.session("oda")).to_be_visible()
        user.page.close()

    expect(admin.status).to_contain_text("Not connected")
    admin.press("Shut down …")
    admin.press("Yes, shut down")
    expect(admin.form.get_by_role("alert")).to_have_text("The server cannot be reached.")
    admin.press("Cancel")

    with running_server(*flags, "--secret-key", KEY):
        expect(admin.status).to_have_text("Connected", timeout=15_000)
        expect(admin.banner).to_be_hidden()
        expect(admin.session("oda")).to_have_count(0)

    expect(admin.status).to_contain_text("Not connected")
    with running_server(*flags, "--secret-key", "another"):
        expect(admin.page.locator("#key-error")).to_have_text("The secret key is wrong.", timeout=15_000)
        expect(admin.key).to_be_focused()
        admin.page.close()


def test_silent_server_counts_as_not_available_until_it_sends_again(pages: Pages) -> None:
    with running_server("--secret-key", KEY) as server:
        admin = pages.admin(viewport=VIEWPORT)
        admin.page.clock.install()
        admin.open(server.address)
        server.process.send_signal(signal.SIGSTOP)
        try:
            admin.page.clock.fast_forward(6_500)
            expect(admin.status).to_contain_text("Not connected", timeout=15_000)
        finally:
            server.process.send_signal(signal.SIGCONT)

        expect(admin.status).to_have_text("Connected", timeout=15_000)
        admin.page.close()


# Accessibility


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_console_fits_and_axe_finds_nothing_serious(
    server: RunningServer, pages: Pages, scheme: str, width: int
) -> None:
    admin = pages.admin(viewport={"width": width, "height": 740}, color_scheme=scheme)
    admin.visit(server.address)
    assert serious(admin) == []
    admin.submit("no")
    expect(admin.page.locator("#key-error")).not_to_have_text("")
    assert serious(admin) == []
    name = f"{scheme}-{width}-".ljust(32, "w")
    pages.user().register(server.address, name).join("r" * 64)
    admin.submit(KEY)
    expect(admin.session(name)).to_be_visible()
    admin.press(f"Tap {admin.id_of(name)}")
    expect(admin.tap).to_contain_text("has been notified")
    admin.press(f"Kick {admin.id_of(name)}")
    admin.press(f"Lock {'r' * 64}")
    admin.press("Shut down …")
    admin.tapped_frames.first.click()

    assert serious(admin) == []
    assert admin.page.evaluate("document.documentElement.scrollWidth") <= width
    tables = "[...document.querySelectorAll('.scroll')]"
    assert admin.page.evaluate(f"{tables}.every((each) => each.scrollWidth <= each.clientWidth)")


def serious(admin: AdminPage) -> list[str]:
    """Return what axe finds that is serious, and where."""
    found = Axe().run(admin.page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in SERIOUS]
