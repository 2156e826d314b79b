/** The wire, at the right: every frame of this page's connection, in a list to choose from. */

import { byId, element, isAtEnd, keepOneStop, say, toEnd, walkable } from "./dom.js";

const KEPT = 500;
const KEPT_ROUTINE = 100; // of them; what the page asks regularly must not push out what was said
const NAMES = ["shutdown", "register", "unregister", "message", "list", "join", "leave", "publish", "history", "rooms"];
const ARROWS = { out: "→", in: "←", note: "•" };
const SPOKEN = { out: "sent", in: "received", note: "" };
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

export class WireView {
  #list = byId("frames");
  #inspector;
  #buttons = new WeakMap(); // of the entries
  #new = []; // not shown yet
  #count = 0;
  #chosen = null; // an entry

  constructor(inspector) {
    this.#inspector = inspector;
    walkable(this.#list);
    new ResizeObserver(() => this.#reveal()).observe(this.#list);
    byId("routine").addEventListener("change", () => this.#filter());
    byId("frame-close").addEventListener("click", () => this.close());
    byId("wire").addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && this.close());
    this.#filter();
  }

  add(entry) {
    this.#new.push(entry);
    if (this.#new.length > KEPT) this.#new.shift();
    if (entry.direction !== "note") this.#count++;
    if (entry.request && entry.request === this.#chosen) this.choose(entry.request); // with its answer now
  }

  render() {
    if (this.#new.length === 0) return;
    const follows = isAtEnd(this.#list);
    this.#list.append(...this.#new.splice(0).map((entry) => this.#row(entry)));
    this.#prune(this.#list.getElementsByClassName("routine"), KEPT_ROUTINE);
    this.#prune(this.#list.children, KEPT);
    keepOneStop(this.#list);
    if (this.#count) say(byId("wire-count"), this.#count === 1 ? "1 frame." : `${this.#count} frames.`);
    if (follows) toEnd(this.#list);
  }

  /** Show *entry* in full, whether or not it still is in the list. */
  choose(entry) {
    this.#press(false);
    this.#chosen = entry;
    this.#press(true);
    this.#inspector.show(entry, (other) => this.choose(other));
    this.#reveal();
  }

  close() {
    if (this.#chosen === null) return;
    const hadFocus = byId("frame").contains(document.activeElement);
    this.#inspector.hide();
    this.#press(false);
    if (hadFocus) (this.#buttons.get(this.#chosen) ?? byId("wire")).focus();
    this.#chosen = null;
  }

  /** Have the chosen frame seen in the list, or else the newest, when the list gets smaller. */
  #reveal() {
    if (this.#chosen === null) toEnd(this.#list);
    else this.#buttons.get(this.#chosen)?.scrollIntoView({ block: "nearest" });
  }

  #press(isPressed) {
    this.#buttons.get(this.#chosen)?.setAttribute("aria-pressed", String(isPressed));
  }

  #prune(rows, kept) {
    while (rows.length > kept) rows[0].remove();
  }

  #filter() {
    this.#list.classList.toggle("brief", byId("routine").checked);
    toEnd(this.#list);
  }

  #row(entry) {
    const { direction, at, size, latency } = entry;
    const button = element(
      "button",
      { type: "button", tabindex: "-1", "aria-pressed": String(entry === this.#chosen) },
      element("span", { class: "when" }, inClock(at)),
      element("span", { class: direction, "aria-hidden": "true" }, ARROWS[direction]),
      element("span", { class: "what" }, element("span", { class: "unseen" }, SPOKEN[direction]), ` ${summary(entry)}`),
      element("span", { class: "size" }, size === undefined ? "" : inBytes(size)),
      element("span", { class: "latency" }, latency === undefined ? "" : `${latency.toFixed(1)} ms`),
    );
    button.addEventListener("click", () => (entry === this.#chosen ? this.close() : this.choose(entry)));
    this.#buttons.set(entry, button);
    const classes = [entry.routine && "routine", entry.code && "refusal"].filter(Boolean).join(" ");
    return element("li", { class: classes }, button);
  }
}

/** What *entry* is, in a line. */
export function summary({ direction, type, event, code, sender, what, detail }) {
  if (direction === "note") return `${what} ${detail}`;
  const name = type === 0 && event ? "house" : (NAMES[type] ?? "frame");
  const rest = code ?? event ?? (sender ? "push" : direction === "in" ? "answer" : "");
  return `${Number.isInteger(type) ? type : "?"} ${name}${rest ? `: ${rest}` : ""}`;
}

export function titleOf({ direction, at, size, latency }) {
  if (direction === "note") return inClock(at);
  const took = latency === undefined ? "" : `, answered after ${latency.toFixed(1)} ms`;
  return `${direction === "out" ? "Sent" : "Received"} at ${inClock(at)}, ${inBytes(size)}${took}`;
}

function inBytes(size) {
  return size < 10_000 ? `${size} B` : `${(size / 1024).toFixed(1)} KiB`;
}

function inClock(at) {
  return `${CLOCK.format(at)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}
