/** The tapped session: its frames as they pass, and the chosen one in full. */

import { byId, element, isAtEnd, keepOneStop, say, show, toEnd, walkable } from "./dom.js";
import { inBytes, inWords } from "./keeper_sessions.js";

const KEPT = 500;
const RENDER_MS = 100; // what comes within this is shown at once
const BRIEF = 200; // characters of a payload in the list
const ROW = 16; // bytes in a line of a dump
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

export class Tap {
  #admin;
  #changed;
  #session = null;
  #stream = null;
  #isPaused = false;
  #new = []; // not shown yet
  #rendering = null;
  #chosen = null;
  #list = byId("tap-frames");

  /** *changed(session)*: another session is tapped now, or none; *session* is the one before. */
  constructor(admin, changed) {
    this.#admin = admin;
    this.#changed = changed;
    walkable(this.#list);
    byId("tap-pause").addEventListener("click", () => this.#pause(!this.#isPaused));
    byId("tap-close").addEventListener("click", () => this.close());
    byId("tap-frame-close").addEventListener("click", () => this.#unchoose());
    byId("tap-frame").addEventListener("keydown", (event) => event.key === "Escape" && this.#unchoose());
  }

  isOn(id) {
    return this.#session?.id === id;
  }

  toggle(session) {
    if (this.isOn(session.id)) this.close();
    else this.#open(session);
  }

  /** Try again now, where the connection was lost. */
  hurry() {
    this.#stream?.hurry();
  }

  close() {
    const before = this.#session;
    if (!before) return;
    this.#stream.close();
    this.#session = this.#stream = null;
    this.#clear();
    show(byId("tap"), false);
    this.#changed(before);
  }

  #open(session) {
    const before = this.#session;
    this.#stream?.close();
    this.#clear();
    this.#session = session;
    say(byId("tap-title"), `Tap of ${inWords(session)}`);
    say(byId("tap-said"), "Asking for its frames …");
    show(byId("tap"), true);
    byId("tap-title").focus();
    this.#stream = this.#admin.listen(`tap?session=${encodeURIComponent(session.id)}`, {
      opened: () => say(byId("tap-said"), "The tapped session has been told."),
      heard: (event, value) => (event === "end" ? this.#end(value) : this.#hear(value)),
      lost: () => say(byId("tap-said"), "The connection was lost: frames are missing here. Trying again …"),
      refused: (refusal) => {
        say(byId("tap-said"), "");
        say(byId("tap-refused"), refusal.message);
      },
    });
    this.#changed(before);
  }

  #clear() {
    clearTimeout(this.#rendering);
    this.#rendering = null;
    this.#new = [];
    this.#unchoose();
    this.#list.replaceChildren();
    this.#pause(false);
    say(byId("tap-refused"), "");
  }

  #hear(frame) {
    this.#new.push(frame);
    if (this.#new.length > KEPT) this.#new.shift();
    this.#rendering ??= setTimeout(() => this.#render(), RENDER_MS);
  }

  #end({ reason }) {
    this.#stream.close();
    this.#pause(false);
    say(byId("tap-said"), `The tap has ended: ${reason}.`);
  }

  #pause(isPaused) {
    this.#isPaused = isPaused;
    byId("tap-pause").setAttribute("aria-pressed", `${isPaused}`);
    this.#render();
  }

  #render() {
    this.#rendering = null;
    const waiting = this.#isPaused ? this.#new.length : 0;
    say(byId("tap-waiting"), waiting ? `${waiting === KEPT ? `${KEPT} or more` : waiting} new` : "");
    if (this.#isPaused || !this.#new.length) return;
    const follows = isAtEnd(this.#list);
    this.#list.append(...this.#new.splice(0).map((frame) => this.#entry(frame)));
    while (this.#list.children.length > KEPT) this.#list.firstElementChild.remove();
    keepOneStop(this.#list);
    if (follows) toEnd(this.#list);
  }

  #entry(frame) {
    const { direction, kind, size } = frame;
    const time = clock(frame.time);
    const button = element(
      "button",
      { type: "button", tabindex: "-1", "aria-pressed": "false" },
      element("span", { class: "when" }, time),
      element("span", { class: direction }, direction),
      element("span", { class: "what" }, brief(frame)),
      element("span", { class: "size" }, inBytes(size)),
    );
    const title = `${direction === "in" ? "From it" : "To it"} at ${time}: ${kind}, ${inBytes(size)}`;
    button.addEventListener("click", () => this.#choose(button, title, frame));
    return element("li", {}, button);
  }

  #choose(button, title, frame) {
    const isSame = button === this.#chosen;
    this.#unchoose();
    if (isSame) return;
    this.#chosen = button;
    button.setAttribute("aria-pressed", "true");
    say(byId("tap-frame-title"), title);
    byId("tap-frame-text").textContent = inFull(frame);
    show(byId("tap-frame"), true);
    byId("tap-frame-text").scrollTop = 0;
    button.scrollIntoView({ block: "nearest" });
  }

  #unchoose() {
    if (!this.#chosen) return;
    const hadFocus = byId("tap-frame").contains(document.activeElement);
    this.#chosen.setAttribute("aria-pressed", "false");
    show(byId("tap-frame"), false);
    if (hadFocus) (this.#chosen.isConnected ? this.#chosen : byId("tap-title")).focus();
    this.#chosen = null;
  }
}

function clock(time) {
  const at = new Date(time);
  return `${CLOCK.format(at)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

function brief({ kind, text }) {
  return kind === "text" ? text.slice(0, BRIEF) : text ? `${kind} ${text.slice(0, BRIEF)}` : kind;
}

/** The payload: JSON laid out, other text as it is, bytes as a dump. */
function inFull({ text, base64, truncated, size }) {
  const whole = text === undefined ? dump(atob(base64 ?? "")) : laidOut(text);
  return truncated ? `${whole}\n(this is the beginning of ${size} bytes)` : whole || "(empty)";
}

function laidOut(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Bytes, given as a character each, in lines: where they are, in hexadecimal, and as text. */
function dump(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += ROW) {
    const row = [...bytes.slice(at, at + ROW)];
    const hex = row.map((byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join(" ");
    const shown = row.map((byte) => (/[ -~]/.test(byte) ? byte : ".")).join("");
    lines.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(3 * ROW)} ${shown}`);
  }
  return lines.join("\n");
}
