/** The tapped session: its frames, live, and the chosen one in full. */

import { byId, element, isScrolledToEnd, setTabStop, setText, show, scrollToEnd, enableArrowKeys } from "./dom.js";
import { labelOf } from "./admin_sessions.js";
import { formatBytes, formatClock } from "./format.js";

const MAX_ENTRIES = 500;
const RENDER_MS = 100; // frames within this time are rendered together
const MAX_BRIEF = 200; // characters of a payload in the list
const ROW = 16; // bytes per line of a dump

export class Tap {
  #api;
  #changed;
  #session = null;
  #stream = null;
  #isPaused = false;
  #new = []; // not rendered yet
  #rendering = null;
  #chosen = null;
  #list = byId("tap-frames");

  /** *changed(session)*: called when the tapped session changes; *session* is the previous one. */
  constructor(api, changed) {
    this.#api = api;
    this.#changed = changed;
    enableArrowKeys(this.#list);
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

  /** Reconnect now, if the connection was lost. */
  reconnect() {
    this.#stream?.reconnect();
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
    setText(byId("tap-title"), `Tap of ${labelOf(session)}`);
    setText(byId("tap-status"), "Starting the tap …");
    show(byId("tap"), true);
    byId("tap-title").focus();
    this.#stream = this.#api.listen(`tap?session=${encodeURIComponent(session.id)}`, {
      onOpen: () => setText(byId("tap-status"), "The tapped session has been notified."),
      onEvent: (event, value) => (event === "end" ? this.#end(value) : this.#receive(value)),
      onLost: () => setText(byId("tap-status"), "The connection was lost, so frames are missing. Reconnecting …"),
      onRejected: (error) => {
        setText(byId("tap-status"), "");
        setText(byId("tap-error"), error.message);
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
    setText(byId("tap-error"), "");
  }

  #receive(frame) {
    this.#new.push(frame);
    if (this.#new.length > MAX_ENTRIES) this.#new.shift();
    this.#rendering ??= setTimeout(() => this.#render(), RENDER_MS);
  }

  #end({ reason }) {
    this.#stream.close();
    this.#pause(false);
    setText(byId("tap-status"), `The tap has ended: ${reason}.`);
  }

  #pause(isPaused) {
    this.#isPaused = isPaused;
    byId("tap-pause").setAttribute("aria-pressed", `${isPaused}`);
    this.#render();
  }

  #render() {
    this.#rendering = null;
    const waiting = this.#isPaused ? this.#new.length : 0;
    setText(byId("tap-waiting"), waiting ? `${waiting === MAX_ENTRIES ? `${MAX_ENTRIES} or more` : waiting} new` : "");
    if (this.#isPaused || !this.#new.length) return;
    const follows = isScrolledToEnd(this.#list);
    this.#list.append(...this.#new.splice(0).map((frame) => this.#entry(frame)));
    while (this.#list.children.length > MAX_ENTRIES) this.#list.firstElementChild.remove();
    setTabStop(this.#list);
    if (follows) scrollToEnd(this.#list);
  }

  #entry(frame) {
    const { direction, kind, size } = frame;
    const time = formatClock(new Date(frame.time));
    const button = element(
      "button",
      { type: "button", tabindex: "-1", "aria-pressed": "false" },
      element("span", { class: "when" }, time),
      element("span", { class: direction }, direction),
      element("span", { class: "what" }, brief(frame)),
      element("span", { class: "size" }, formatBytes(size)),
    );
    const title = `${direction === "in" ? "From the client" : "To the client"} at ${time}: ${kind}, ${formatBytes(size)}`;
    button.addEventListener("click", () => this.#choose(button, title, frame));
    return element("li", {}, button);
  }

  #choose(button, title, frame) {
    const isSame = button === this.#chosen;
    this.#unchoose();
    if (isSame) return;
    this.#chosen = button;
    button.setAttribute("aria-pressed", "true");
    setText(byId("tap-frame-title"), title);
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

function brief({ kind, text }) {
  return kind === "text" ? text.slice(0, MAX_BRIEF) : text ? `${kind} ${text.slice(0, MAX_BRIEF)}` : kind;
}

/** Return the payload: JSON indented, other text unchanged, bytes as a dump. */
function inFull({ text, base64, truncated, size }) {
  const whole = text === undefined ? dump(atob(base64 ?? "")) : indented(text);
  return truncated ? `${whole}\n(the start of ${size} bytes)` : whole || "(empty)";
}

function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Return *bytes*, one per character, in lines of offset, hexadecimal digits and text. */
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
