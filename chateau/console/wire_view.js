/** The wire, at the right: every frame of this page's connection, and the chosen one in full. */

import { byId, element, isAtEnd, keepOneStop, say, show, toEnd, walkable } from "./dom.js";

const KEPT = 500;
const KEPT_ROUTINE = 100; // of them; what the page asks regularly must not push out what was said
const NAMES = ["shutdown", "register", "unregister", "message", "list", "join", "leave", "publish", "history", "rooms"];
const ARROWS = { out: "→", in: "←", note: "•" };
const SPOKEN = { out: "sent", in: "received", note: "" };
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

export class WireView {
  #list = byId("frames");
  #new = []; // not shown yet
  #count = 0;
  #chosen = null;

  constructor() {
    walkable(this.#list);
    byId("routine").addEventListener("change", () => this.#filter());
    byId("frame-close").addEventListener("click", () => this.#close());
    byId("wire").addEventListener("keydown", (event) => event.key === "Escape" && this.#close());
    this.#filter();
  }

  add(entry) {
    this.#new.push(entry);
    if (this.#new.length > KEPT) this.#new.shift();
    if (entry.direction !== "note") this.#count++;
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

  #prune(rows, kept) {
    while (rows.length > kept) rows[0].remove();
  }

  #filter() {
    this.#list.classList.toggle("brief", byId("routine").checked);
    toEnd(this.#list);
  }

  #row(entry) {
    const { direction, at, size, latency } = entry;
    const time = `${CLOCK.format(at)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
    const button = element(
      "button",
      { type: "button", tabindex: "-1", "aria-pressed": "false" },
      element("span", { class: "when" }, time),
      element("span", { class: direction, "aria-hidden": "true" }, ARROWS[direction]),
      element("span", { class: "what" }, element("span", { class: "unseen" }, SPOKEN[direction]), ` ${summary(entry)}`),
      element("span", { class: "size" }, size === undefined ? "" : inBytes(size)),
      element("span", { class: "latency" }, latency === undefined ? "" : `${latency.toFixed(1)} ms`),
    );
    button.addEventListener("click", () => this.#choose(button, entry, time));
    const classes = [entry.routine && "routine", entry.code && "refusal"].filter(Boolean).join(" ");
    return element("li", { class: classes }, button);
  }

  #choose(button, entry, time) {
    if (this.#chosen === button) {
      this.#close();
      return;
    }
    this.#chosen?.setAttribute("aria-pressed", "false");
    this.#chosen = button;
    button.setAttribute("aria-pressed", "true");
    say(byId("frame-title"), titleOf(entry, time));
    byId("frame-text").textContent = inFull(entry);
    show(byId("frame"), true);
    byId("frame-text").scrollTop = 0;
    button.scrollIntoView({ block: "nearest" });
  }

  #close() {
    if (this.#chosen === null) return;
    const hadFocus = byId("frame").contains(document.activeElement);
    this.#chosen.setAttribute("aria-pressed", "false");
    show(byId("frame"), false);
    if (hadFocus) this.#chosen.focus();
    this.#chosen = null;
  }
}

function summary({ direction, type, event, code, said, what, detail }) {
  if (direction === "note") return `${what} ${detail}`;
  const name = NAMES[type] ?? "frame";
  const rest = code ?? event ?? (said ? "push" : direction === "in" ? "answer" : "");
  return `${type ?? "?"} ${name}${rest ? `: ${rest}` : ""}`;
}

function titleOf({ direction, size, latency }, time) {
  if (direction === "note") return time;
  const took = latency === undefined ? "" : `, answered after ${latency.toFixed(1)} ms`;
  return `${direction === "out" ? "Sent" : "Received"} at ${time}, ${inBytes(size)}${took}`;
}

/** The frame's JSON, laid out; as it came, where it is too long to be kept whole. */
function inFull({ direction, what, detail, kept, size }) {
  if (direction === "note") return `${what} ${detail}`;
  try {
    return JSON.stringify(JSON.parse(kept), null, 2);
  } catch {
    return `${kept} …\n(the first ${kept.length} characters of ${size} bytes)`;
  }
}

function inBytes(size) {
  return size < 10_000 ? `${size} B` : `${(size / 1024).toFixed(1)} KiB`;
}
