/** The frames of this page's connection, on the right: a list to choose from. */

import { byId, element, isScrolledToEnd, setTabStop, setText, scrollToEnd, enableArrowKeys } from "./dom.js";
import { formatBytes, formatClock } from "./format.js";

const MAX_ENTRIES = 500;
const MAX_ROUTINE = 100; // of these, so that routine requests do not displace messages
const NAMES = ["server", "register", "unregister", "message", "list", "join", "leave", "publish", "history", "rooms"];
const ARROWS = { out: "→", in: "←", note: "•" };
const DIRECTIONS = { out: "sent", in: "received", note: "" };

export class FrameList {
  #list = byId("frames");
  #inspector;
  #buttons = new WeakMap(); // by entry
  #new = []; // not rendered yet
  #count = 0;
  #chosen = null; // an entry

  constructor(inspector) {
    this.#inspector = inspector;
    enableArrowKeys(this.#list);
    new ResizeObserver(() => this.#reveal()).observe(this.#list);
    byId("routine").addEventListener("change", () => this.#filter());
    byId("frame-close").addEventListener("click", () => this.close());
    byId("frame-panel").addEventListener("keydown", (event) => event.key === "Escape" && !event.defaultPrevented && this.close());
    this.#filter();
  }

  add(entry) {
    this.#new.push(entry);
    if (this.#new.length > MAX_ENTRIES) this.#new.shift();
    if (entry.direction !== "note") this.#count++;
    if (entry.request && entry.request === this.#chosen) this.choose(entry.request); // shows its response now
  }

  render() {
    if (this.#new.length === 0) return;
    const follows = isScrolledToEnd(this.#list);
    this.#list.append(...this.#new.splice(0).map((entry) => this.#row(entry)));
    this.#prune(this.#list.getElementsByClassName("routine"), MAX_ROUTINE);
    this.#prune(this.#list.children, MAX_ENTRIES);
    setTabStop(this.#list);
    if (this.#count) setText(byId("frame-count"), this.#count === 1 ? "1 frame." : `${this.#count} frames.`);
    if (follows) scrollToEnd(this.#list);
  }

  /** Show *entry* in full, whether or not it is still in the list. */
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
    if (hadFocus) (this.#buttons.get(this.#chosen) ?? byId("frame-panel")).focus();
    this.#chosen = null;
  }

  /** Scroll to the chosen frame, or else to the newest, when the list changes its size. */
  #reveal() {
    if (this.#chosen === null) scrollToEnd(this.#list);
    else this.#buttons.get(this.#chosen)?.scrollIntoView({ block: "nearest" });
  }

  #press(isPressed) {
    this.#buttons.get(this.#chosen)?.setAttribute("aria-pressed", String(isPressed));
  }

  #prune(rows, maximum) {
    while (rows.length > maximum) rows[0].remove();
  }

  #filter() {
    this.#list.classList.toggle("brief", byId("routine").checked);
    scrollToEnd(this.#list);
  }

  #row(entry) {
    const { direction, at, size, latency } = entry;
    const button = element(
      "button",
      { type: "button", tabindex: "-1", "aria-pressed": String(entry === this.#chosen) },
      element("span", { class: "when" }, formatClock(at)),
      element("span", { class: direction, "aria-hidden": "true" }, ARROWS[direction]),
      element("span", { class: "what" }, element("span", { class: "unseen" }, DIRECTIONS[direction]), ` ${summary(entry)}`),
      element("span", { class: "size" }, size === undefined ? "" : formatBytes(size)),
      element("span", { class: "latency" }, latency === undefined ? "" : `${latency.toFixed(1)} ms`),
    );
    button.addEventListener("click", () => (entry === this.#chosen ? this.close() : this.choose(entry)));
    this.#buttons.set(entry, button);
    const classes = [entry.routine && "routine", entry.code && "failed"].filter(Boolean).join(" ");
    return element("li", { class: classes }, button);
  }
}

/** Return one line about *entry*: its type, and what it is. */
export function summary({ direction, type, event, code, sender, what, detail }) {
  if (direction === "note") return `${what} ${detail}`;
  const name = NAMES[type] ?? "frame";
  const rest = code ?? event ?? (sender ? "push" : direction === "in" ? "response" : "");
  return `${Number.isInteger(type) ? type : "?"} ${name}${rest ? `: ${rest}` : ""}`;
}

export function titleOf({ direction, at, size, latency }) {
  if (direction === "note") return formatClock(at);
  const took = latency === undefined ? "" : `, response after ${latency.toFixed(1)} ms`;
  return `${direction === "out" ? "Sent" : "Received"} at ${formatClock(at)}, ${formatBytes(size)}${took}`;
}
