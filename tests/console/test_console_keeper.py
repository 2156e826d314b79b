"""The lecturer's view in a real browser: what it shows of the house, and what a lecturer does in it."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from console_page import FLAGS, UNREACHABLE, ConsolePage, executable
from keeper_page import KEY, KeeperPage, Terminal, terminal
from playwright.sync_api import Browser, expect, sync_playwright
from running_server import RunningServer, free_port, running_server

MARKUP = "<img src=x onerror=\"alert('x')\">"
SERIOUS = ("serious", "critical")


@dataclass(frozen=True)
class House:
    """A running house and the port of its lines."""

    server: RunningServer
    lines: int

    @property
    def address(self) -> str:
        return self.server.address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(playwright), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A house that the tests share: each has names and rooms of its own."""
    lines = free_port()
    with running_server("--secret-key", KEY, "--lines-port", str(lines), "--max-rate", "0") as server:
        yield House(server, lines)


class Visitors:
    """Opens pages, each with a browser context of its own."""

    def __init__(self, browser: Browser, stack: ExitStack) -> None:
        self._browser = browser
        self._stack = stack
        self.pages: list[ConsolePage] = []

    def keeper(self, **options: object) -> KeeperPage:
        context = self._browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self._stack.callback(context.close)
        self.pages.append(KeeperPage(context.new_page()))
        return self.pages[-1]

    def student(self) -> ConsolePage:
        context = self._browser.new_context(viewport={"width": 1280, "height": 800})
        self._stack.callback(context.close)
        self.pages.append(ConsolePage(context.new_page()))
        return self.pages[-1]


@pytest.fixture
def visitors(browser: Browser) -> Iterator[Visitors]:
    """At the end none of the pages has had a fault."""
    with ExitStack() as stack:
        visitors = Visitors(browser, stack)
        yield visitors
        for page in visitors.pages:
            if isinstance(page, KeeperPage):
                page.forgive()
        assert [fault for page in visitors.pages for fault in page.faults] == []


@pytest.fixture
def connect(house: House) -> Iterator[Callable[..., Terminal]]:
    """Connects terminals, which say some lines."""
    with ExitStack() as stack:
        yield lambda *lines: stack.enter_context(terminal(house.lines, *lines))


# The key


def test_a_wrong_key_is_told_in_the_servers_words_and_the_right_one_opens(
    house: House, visitors: Visitors
) -> None:
    keeper = visitors.keeper().visit(house.address)

    keeper.give("wrong")
    refused = keeper.page.locator("#key-refused")
    expect(refused).to_have_text("The secret key is wrong.")
    expect(keeper.key).to_be_focused()
    expect(keeper.key).to_have_accessible_description(re.compile(r"The secret key is wrong\."))
    keeper.give(KEY)

    expect(keeper.status).to_have_text("Connected")
    expect(keeper.key).to_be_hidden()
    expect(keeper.page.get_by_role("heading", name="Live sessions")).to_be_focused()


def test_the_key_is_kept_nowhere_but_in_the_open_page(house: House, visitors: Visitors) -> None:
    keeper = visitors.keeper().open(house.address)

    stored = keeper.page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
    assert stored == [0, 0, ""]
    expect(keeper.key).to_have_value("")
    keeper.press("Forget the key")
    expect(keeper.key).to_be_focused()
    expect(keeper.page.get_by_role("heading", name="Live sessions")).to_be_hidden()
    keeper.give(KEY)
    expect(keeper.status).to_have_text("Connected")
    keeper.page.reload()
    expect(keeper.key).to_be_focused()


def test_without_a_key_the_view_is_off_and_says_how_to_switch_it_on(visitors: Visitors) -> None:
    with running_server() as server:
        keeper = visitors.keeper().visit(server.address)
        keeper.press("Open")

        said = "The admin API is off: start the server with --secret-key."
        expect(keeper.page.locator("#key-refused")).to_have_text(said)


def test_it_works_under_a_prefix(visitors: Visitors) -> None:
    with running_server("--secret-key", KEY, "--url-prefix", "/chat/room") as server:
        keeper = visitors.keeper().open(server.address)

        back = keeper.page.get_by_role("link", name="Back to the house")
        expect(back).to_have_attribute("href", "/chat/room/")


# Sessions


def test_sessions_of_a_terminal_and_of_a_page_are_shown_with_what_they_are(
    house: House, visitors: Visitors, connect: Callable[..., Terminal]
) -> None:
    keeper = visitors.keeper().open(house.address)
    connect("LOGIN ada", "JOIN orchard")
    visitors.student().come_in(house.address, "ben").join("orchard")

    ada, ben = keeper.session("ada"), keeper.session("ben")
    expect(ada.get_by_role("cell", name=re.compile("lines"))).to_be_visible()
    expect(ben.get_by_role("cell", name=re.compile("chateau"))).to_be_visible()
    for row in (ada, ben):
        expect(row).to_contain_text(re.compile(r"#\d+.*127\.0\.0\.1:\d+.*orchard.*\d B", re.DOTALL))


def test_a_filter_leaves_those_that_match_and_says_how_many(
    house: House, visitors: Visitors, connect: Callable[..., Terminal]
) -> None:
    keeper = visitors.keeper().open(house.address)
    for name in ("cat1", "cat2", "dog1"):
        connect(f"LOGIN {name}")
        expect(keeper.session(name)).to_be_visible()

    keeper.page.locator("#sessions-filter").fill("CAT")

    expect(keeper.session("dog1")).to_have_count(0)
    expect(keeper.session("cat2")).to_be_visible()
    expect(keeper.page.locator("#sessions-count")).to_have_text(
        re.compile(r"2 of \d+ sessions shown, of 2 that match\.")
    )


def test_rows_keep_their_place_while_figures_change_until_they_are_sorted(
    house: House, visitors: Visitors, connect: Callable[..., Terminal]
) -> None:
    keeper = visitors.keeper().open(house.address)
    quick = {name: connect(f"LOGIN {name}", "JOIN place") for name in ("rowa", "rowb", "rowc")}
    for name in quick:
        expect(keeper.session(name)).to_be_visible()
    keeper.page.locator("#sessions-filter").fill("row")
    keeper.page.get_by_role("button", name="Messages/s").click()
    header = keeper.page.get_by_role("columnheader", name="Messages/s")
    expect(header).to_have_attribute("aria-sort", "descending")
    before = names(keeper)
    keeper.page.evaluate("for (const row of document.querySelectorAll('#sessions tbody tr')) row.isKept = 1")

    last = before[-1]
    for _ in range(100):
        quick[last].say("hello")
    rate = keeper.session(last).locator(".figure").first
    expect(rate).to_have_text(re.compile(r"^\d\d"))

    assert names(keeper) == before
    assert keeper.page.evaluate(
        "[...document.querySelectorAll('#sessions tbody tr')].every((row) => row.isKept)"
    )
    keeper.press("User")
    assert names(keeper) == ["rowa", "rowb", "rowc"]
    expect(header).not_to_have_attribute("aria-sort", "descending")
    keeper.press("User")
    assert names(keeper) == ["rowc", "rowb", "rowa"]


def names(keeper: KeeperPage) -> list[str]:
    return keeper.page.locator("#sessions tbody th").all_inner_texts()


def test_of_very_many_sessions_200_are_shown_and_a_filter_finds_the_others(visitors: Visitors) -> None:
    port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(running_server("--secret-key", KEY, "--lines-port", str(port)))
        for number in range(230):
            stack.enter_context(terminal(port, f"LOGIN guest{number}"))
        keeper = visitors.keeper().open(server.address)

        count = keeper.page.locator("#sessions-count")
        expect(count).to_have_text("200 of 230 sessions shown, the busiest.")
        assert keeper.page.locator("#sessions tbody tr").count() == 200
        hidden = ({f"guest{number}" for number in range(230)} - set(names(keeper))).pop()
        keeper.page.locator("#sessions-filter").fill(hidden)
        expect(keeper.session(hidden)).to_be_visible()
        keeper.page.close()


# Kick


def test_the_lecturers_kick_closes_a_page_which_is_told_why(house: House, visitors: Visitors) -> None:
    student = visitors.student().come_in(house.address, "eve")
    keeper = visitors.keeper().open(house.address)

    before = keeper.id_of("eve")
    keeper.press(f"Kick {before}")
    keeper.question.get_by_label("Reason").fill("be kind")
    keeper.question.get_by_role("button", name="Kick").click()

    expect(student.frames.get_by_role("button", name="closed 1008, kicked: be kind")).to_be_visible()
    expect(keeper.page.locator("#sessions-said")).to_have_text(f"{before} was kicked.")
    expect(keeper.question).to_have_count(0)
    expect(keeper.page.get_by_role("button", name=f"Kick {before}")).to_have_count(0)
    expect(keeper.session("eve")).to_be_visible()  # the page comes back by itself


def test_a_kick_by_keyboard_alone_leaves_the_focus_in_the_table(
    house: House, visitors: Visitors, connect: Callable[..., Terminal]
) -> None:
    keys = visitors.keeper().visit(house.address)
    connect("LOGIN kick1")
    told = connect("LOGIN kick2")
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
    expect(keys.question.get_by_label("Reason")).to_be_focused()
    keyboard.press("Escape")
    expect(keys.page.get_by_role("button", name="Kick kick2")).to_be_focused()
    keyboard.press("Enter")
    keyboard.type("too loud")
    keyboard.press("Enter")

    assert "too loud" in told.expect_heard("kicked")
    expect(keys.session("kick2")).to_have_count(0)
    expect(keys.page.get_by_role("button", name="Kick kick3")).to_be_focused()


def test_who_leaves_while_a_kick_is_written_is_not_mistaken_for_another(
    house: House, visitors: Visitors, connect: Callable[..., Terminal]
) -> None:
    keeper = visitors.keeper().open(house.address)
    leaving = connect("LOGIN fleet1")
    connect("LOGIN fleet2")
    expect(keeper.session("fleet2")).to_be_visible()
    keeper.press(f"Kick {keeper.id_of('fleet1')}")
    reason = keeper.question.get_by_label("Reason")
    reason.fill("too")

    leaving.close()

    expect(keeper.question.get_by_role("alert")).to_have_text("This session is not there any more.")
    expect(reason).to_be_focused()
    reason.press("Enter")
    expect(keeper.session("fleet2")).to_be_visible()
    keeper.question.get_by_role("button", name="Cancel").click()
    expect(keeper.session("fleet1")).to_have_count(0)


# The tap


def test_a_tap_shows_what_the_tapped_one_says_and_the_tapped_one_is_told(
    house: House, visitors: Visitors
) -> None:
    student = visitors.student().come_in(house.address, "fay").join("ward")
    keeper = visitors.keeper().open(house.address)

    keeper.press(f"Tap {keeper.id_of('fay')}")

    expect(student.frames.get_by_role("button", name="tapped").first).to_be_visible()
    expect(keeper.tap).to_contain_text("The tapped session has been told.")
    expect(keeper.session("fay")).to_contain_text("tapped")
    student.say(MARKUP)
    said = keeper.tapped_frames.filter(has_text="onerror")
    expect(said.filter(has_text=re.compile(r"\d\d:\d\d:\d\d\.\d{3}.*in.*\d+ B", re.DOTALL))).to_have_count(1)
    expect(said.filter(has=keeper.page.locator(".out"))).to_have_count(1)
    said.first.click()
    shown = json.loads(keeper.page.locator("#tap-frame-text").inner_text())
    assert (shown["type"], shown["content"]) == (7, MARKUP)
    assert keeper.page.locator("main img").count() == 0

    keeper.press("Close the tap")
    expect(student.frames.get_by_role("button", name="tapped")).to_have_count(2)
    expect(keeper.page.get_by_role("button", name=re.compile(r"Tap fay"))).to_be_focused()
    expect(keeper.session("fay")).not_to_contain_text("tapped", timeout=4_000)


def test_a_tap_is_paused_and_says_when_its_session_ends(
    house: House, visitors: Visitors, connect: Callable[..., Terminal]
) -> None:
    keeper = visitors.keeper().open(house.address)
    talker = connect("LOGIN gus", "JOIN pause")
    keeper.press(f"Tap {keeper.id_of('gus')}")
    expect(keeper.tap).to_contain_text("has been told")
    talker.expect_heard('"tapped"')
    talker.say("before")
    expect(keeper.tapped_frames.filter(has_text=re.compile(r"in\s*before"))).to_have_count(1)

    keeper.press("Pause")
    talker.say("meanwhile")
    expect(keeper.page.locator("#tap-waiting")).to_have_text(re.compile(r"\d new"))
    expect(keeper.tapped_frames.filter(has_text="meanwhile")).to_have_count(0)
    keeper.press("Pause")
    expect(keeper.tapped_frames.filter(has_text=re.compile(r"in\s*meanwhile"))).to_have_count(1)
    talker.close()

    expect(keeper.page.locator("#tap-said")).to_contain_text("The tap has ended")


def test_a_tap_keeps_the_last_500_frames(
    house: House, visitors: Visitors, connect: Callable[..., Terminal]
) -> None:
    keeper = visitors.keeper().open(house.address)
    rain = connect("LOGIN hail", "JOIN storm")
    keeper.press(f"Tap {keeper.id_of('hail')}")
    expect(keeper.tap).to_contain_text("has been told")

    rain.say(*(f"drop {number}" for number in range(1, 801)))

    expect(keeper.tapped_frames.filter(has_text="drop 800").first).to_be_visible()
    expect(keeper.tapped_frames).to_have_count(500)


# Bans


def test_an_address_is_banned_and_let_in_again(house: House, visitors: Visitors) -> None:
    keeper = visitors.keeper().open(house.address)
    field = keeper.page.get_by_label("Address or range, such as")
    bans = keeper.page.get_by_role("list", name="Banned addresses")

    field.fill("nonsense")
    field.press("Enter")
    expect(keeper.page.locator("#ban-refused")).to_contain_text("nonsense")
    expect(field).to_be_focused()
    field.fill("192.0.2.0/24")
    field.press("Enter")
    expect(bans.get_by_role("listitem")).to_have_text("192.0.2.0/24Unban")
    expect(keeper.page.locator("#ban-refused")).to_have_text("")
    keeper.press("Unban 192.0.2.0/24")

    expect(bans.get_by_role("listitem")).to_have_count(0)
    expect(field).to_be_focused()
    expect(keeper.page.locator("#bans-said")).to_have_text("192.0.2.0/24 is no longer banned.")


def test_the_address_of_a_session_is_banned_from_its_row(visitors: Visitors) -> None:
    with running_server("--secret-key", KEY) as server:
        student = visitors.student().come_in(server.address, "ivy")
        keeper = visitors.keeper().open(server.address)
        keeper.press(f"Ban address 127.0.0.1 of {keeper.id_of('ivy')}")
        expect(keeper.question.get_by_label("Address or range")).to_have_value("127.0.0.1")
        keeper.question.get_by_role("button", name="Ban").click()

        expect(keeper.page.get_by_role("button", name="Unban 127.0.0.1")).to_be_visible()
        expect(keeper.status).to_have_text("Connected")
        expect(keeper.page.locator("#sessions-count")).to_have_text(re.compile(r"No session\.|1 session\."))
        student.page.close()
        keeper.page.close()


# Rooms


def test_a_room_is_closed_opened_locked_and_deleted(house: House, visitors: Visitors) -> None:
    student = visitors.student().come_in(house.address, "jan").join("den")
    keeper = visitors.keeper().open(house.address)
    room = keeper.room("den")
    expect(room.get_by_role("cell").first).to_have_text("1")

    keeper.press("Close den")
    expect(room).to_contain_text("closed")
    expect(student.messages).to_contain_text("The room was closed.")
    keeper.press("Open den")
    expect(room).to_contain_text("open")
    keeper.press("Lock den")
    keeper.question.get_by_label("Password").fill("sesame")
    keeper.question.get_by_label("Password").press("Enter")
    expect(room).to_contain_text("locked")
    expect(keeper.page.get_by_role("button", name="Lock den")).to_be_focused()
    keeper.press("Delete den")
    expect(keeper.question.get_by_role("button", name="Cancel")).to_be_focused()
    keeper.question.get_by_role("button", name="Delete for good").click()

    expect(room).to_have_count(0)
    expect(student.messages).to_contain_text("The room was deleted.")
    expect(keeper.page.locator("#rooms-said")).to_have_text("den was deleted.")


def test_a_user_is_banned_from_a_room_and_let_in_again(house: House, visitors: Visitors) -> None:
    student = visitors.student().come_in(house.address, "kai").join("loft")
    keeper = visitors.keeper().open(house.address)

    keeper.press("Ban user from loft")
    username = keeper.question.get_by_label("Username")
    username.fill("nobody at all")
    username.press("Enter")
    refused = keeper.question.get_by_role("alert")
    expect(refused).to_have_text('Nobody is registered as "nobody at all".')
    expect(username).to_be_focused()
    username.fill("kai")
    username.press("Enter")
    expect(keeper.room("loft")).to_contain_text("kai")
    expect(student.messages).to_contain_text("You were banned from the room.")
    keeper.press("Unban user from loft")
    keeper.question.get_by_role("button", name="Unban").click()

    expect(keeper.page.locator("#rooms-said")).to_have_text("kai may come into loft again.")


def test_what_a_room_refuses_stands_beside_its_buttons(
    house: House, visitors: Visitors, connect: Callable[..., Terminal]
) -> None:
    keeper = visitors.keeper().open(house.address)
    connect("LOGIN lea", "JOIN shed")
    expect(keeper.room("shed")).to_be_visible()
    keeper.page.route("**/admin/close-room", lambda route: route.continue_(post_data='{"room": "no shed"}'))

    keeper.press("Close shed")

    expect(keeper.room("shed").get_by_role("alert")).to_have_text('There is no room "no shed".')


# Charts


def test_the_charts_move_and_tell_their_figures_in_words(
    house: House, visitors: Visitors, connect: Callable[..., Terminal]
) -> None:
    keeper = visitors.keeper().open(house.address)
    rate = keeper.page.locator("#rate")
    line = rate.locator("g.line path")
    expect(line).to_have_attribute("d", re.compile(r"^M .* L "))
    before = line.get_attribute("d")
    connect("LOGIN mia", "JOIN hall").say(*["hello"] * 200)

    expect(line).not_to_have_attribute("d", before or "")
    expect(rate.locator("strong")).not_to_have_text(re.compile("^[^1-9]$"))
    expect(rate.get_by_role("img")).to_have_accessible_name(
        re.compile("Messages a second in the last two minutes")
    )
    latency = keeper.page.locator("#latency")
    expect(latency.locator("strong")).to_have_text([re.compile(r"^[\d.]+ ms$")] * 2)
    assert latency.locator("g.line").count() == 2
    top = (
        rate.locator("text").nth(2).inner_text()
        if False
        else rate.locator(".frame text").nth(2).text_content()
    )
    assert float((top or "").replace(",", "")) >= 5


def test_for_who_asked_for_less_motion_a_chart_moves_every_ten_seconds_only(
    house: House, visitors: Visitors
) -> None:
    keeper = visitors.keeper(reduced_motion="reduce").open(house.address)
    line = keeper.page.locator("#rate g.line path")
    expect(keeper.page.locator("#rate strong")).to_have_text(re.compile(r"\d"))

    assert line.get_attribute("d") in (None, "")
    expect(line).to_have_attribute("d", re.compile(r"^M .* L "), timeout=15_000)


# Shutdown, and the server going away


def test_a_shutdown_with_a_reason_reaches_an_open_page_once_it_is_confirmed(visitors: Visitors) -> None:
    with running_server("--secret-key", KEY) as server:
        student = visitors.student().come_in(server.address, "nia")
        keeper = visitors.keeper().open(server.address)
        reason = keeper.page.get_by_label("Reason, which everybody is told")
        reason.fill("the lecture is over")
        reason.press("Enter")
        expect(keeper.question.get_by_role("button", name="Cancel")).to_be_focused()
        keeper.page.keyboard.press("Escape")
        expect(reason).to_be_focused()
        expect(keeper.question).to_have_count(0)
        reason.press("Enter")
        keeper.press("Yes, shut down")

        expect(student.page.locator("#banner")).to_contain_text(
            "The server is shutting down: the lecture is over"
        )
        expect(keeper.status).to_contain_text("Not connected; trying again in")
        expect(keeper.banner).to_contain_text("The server is away")
        server.process.wait(timeout=15)
        student.page.close()
        keeper.page.close()
        student.faults = [fault for fault in student.faults if not UNREACHABLE.search(fault)]


def test_a_server_that_is_started_again_is_found_again(visitors: Visitors) -> None:
    flags = ("--port", str(free_port()))
    keeper = visitors.keeper()
    with running_server(*flags, "--secret-key", KEY) as server:
        keeper.open(server.address)
        student = visitors.student().come_in(server.address, "oda")
        expect(keeper.session("oda")).to_be_visible()
        student.page.close()

    expect(keeper.status).to_contain_text("Not connected")
    keeper.press("Shut down …")
    keeper.press("Yes, shut down")
    expect(keeper.question.get_by_role("alert")).to_have_text("The server cannot be reached.")
    keeper.press("Cancel")

    with running_server(*flags, "--secret-key", KEY):
        expect(keeper.status).to_have_text("Connected", timeout=15_000)
        expect(keeper.banner).to_be_hidden()
        expect(keeper.session("oda")).to_have_count(0)

    expect(keeper.status).to_contain_text("Not connected")
    with running_server(*flags, "--secret-key", "another"):
        expect(keeper.page.locator("#key-refused")).to_have_text("The secret key is wrong.", timeout=15_000)
        expect(keeper.key).to_be_focused()
        keeper.page.close()


def test_a_server_that_says_nothing_any_more_counts_as_away_until_it_speaks_again(visitors: Visitors) -> None:
    with running_server("--secret-key", KEY) as server:
        keeper = visitors.keeper().open(server.address)
        server.process.send_signal(signal.SIGSTOP)
        try:
            expect(keeper.status).to_contain_text("Not connected", timeout=15_000)
        finally:
            server.process.send_signal(signal.SIGCONT)

        expect(keeper.status).to_have_text("Connected", timeout=15_000)
        keeper.page.close()


# For everybody


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_nothing_keeps_people_out(
    house: House, visitors: Visitors, scheme: str, width: int
) -> None:
    keeper = visitors.keeper(viewport={"width": width, "height": 740}, color_scheme=scheme)
    keeper.visit(house.address)
    assert serious(keeper) == []
    keeper.give("no")
    expect(keeper.page.locator("#key-refused")).not_to_have_text("")
    assert serious(keeper) == []
    name = f"{scheme}-{width}-".ljust(32, "w")
    visitors.student().come_in(house.address, name).join("r" * 64)
    keeper.give(KEY)
    expect(keeper.session(name)).to_be_visible()
    keeper.press(f"Tap {keeper.id_of(name)}")
    expect(keeper.tap).to_contain_text("has been told")
    keeper.press(f"Kick {keeper.id_of(name)}")
    keeper.press(f"Lock {'r' * 64}")
    keeper.press("Shut down …")
    keeper.tapped_frames.first.click()

    assert serious(keeper) == []
    assert keeper.page.evaluate("document.documentElement.scrollWidth") <= width
    tables = "[...document.querySelectorAll('.scroll')]"
    assert keeper.page.evaluate(f"{tables}.every((each) => each.scrollWidth <= each.clientWidth)")


def serious(keeper: KeeperPage) -> list[str]:
    """What axe finds that is serious, and where."""
    found = Axe().run(keeper.page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in SERIOUS]
