/**
 * "Try it": an example that is sent to this server, as a frame, by POST, or as a subscription to an event stream.
 *
 * Each kind of example has a label for its button, an address that can be edited, and `run(panel, text, address)`.
 */

import { element, isScrolledToEnd, scrollToEnd, setText, show } from "./dom.js";
import { formatClock } from "./format.js";

const MAX_ENTRIES = 100;
const NUMBER = /NNN/; // in the name that an opening frame registers

/** The panel of one example: its text to edit, and a log of the frames sent and received. */
export class TryIt {
  #kind;
  #panel;
  #text;
  #address;
  #first;
  #status = element("p", { class: "muted", role: "status" });
  #log = element("ol", { "aria-live": "polite", "aria-label": "Sent and received", tabindex: "0" });

  constructor(example, text, kind) {
    this.#kind = kind;
    this.#text = element("textarea", { rows: "2", spellcheck: "false", "aria-label": "Text to send" });
    this.#text.value = text;
    this.#address = element("input", { spellcheck: "false", "aria-label": "Address" });
    this.#address.value = kind.where ?? "";
    this.#first = button("", () => this.#run(kind.connection.opening));
    this.#panel = element("div", { class: "try-it" });
    if (kind.where) this.#panel.append(this.#address);
    if (!kind.isWithoutText) this.#panel.append(this.#text);
    const buttons = element("p", { class: "buttons" }, this.#first);
    buttons.append(button(kind.label, () => this.#run(this.#text.value)));
    if (kind.stop) buttons.append(button("Stop", () => kind.stop(), "quiet"));
    this.#panel.append(buttons, this.#status, this.#log);
    example.append(this.#panel);
    show(this.#panel, false);
    show(this.#log, false);
    show(this.#first, false);
    kind.connection?.add(this);
  }

  /** Open the panel, or close it; return whether it is open. */
  toggle() {
    show(this.#panel, this.#panel.hidden);
    if (!this.#panel.hidden) this.#panel.querySelector("textarea, input").focus();
    return !this.#panel.hidden;
  }

  /** Show the *status* of the connection. */
  onChange(status) {
    setText(this.#status, status);
    const opening = this.#kind.connection?.opening ?? "";
    const name = /reader-\d+/.exec(opening)?.[0];
    this.#first.textContent = `Connect and register as ${name}`;
    show(this.#first, opening !== "");
  }

  /** Add *text*, which was received (←) or sent (→), to the log. */
  add(arrow, text) {
    const wasAtEnd = isScrolledToEnd(this.#log);
    const word = element("span", { class: "unseen" }, arrow === "→" ? "sent" : "received");
    const line = element("pre", {}, `${arrow} `, word, " ", typeof text === "string" ? text : "(bytes)");
    show(this.#log, true);
    this.#log.append(element("li", {}, element("time", { class: "muted" }, formatClock(new Date())), line));
    if (this.#log.children.length > MAX_ENTRIES) this.#log.firstChild.remove();
    if (wasAtEnd) scrollToEnd(this.#log);
  }

  async #run(text) {
    try {
      await this.#kind.run(this, text, this.#address.value);
    } catch (error) {
      this.onChange(error.name === "AbortError" ? "Stopped." : "The server could not be reached.");
    }
  }
}

function button(label, onClick, kind = "") {
  const made = element("button", { type: "button", class: kind }, label);
  made.addEventListener("click", onClick);
  return made;
}

/** The page's one WebSocket: opened at its first use, and again after it was closed. */
export class TryItConnection {
  #address;
  #opening;
  #socket = null;
  #isOpened = false;
  #panels = new Set();
  #current = null; // the panel used last, which shows the frames received

  constructor(address, opening) {
    const url = new URL(`..${address}`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.hash = "";
    this.#address = url;
    this.#opening = opening.replace(NUMBER, String(100 + Math.floor(Math.random() * 900)));
  }

  /** The frame that must be sent first; empty once it is sent, or if there is none. */
  get opening() {
    return this.#isOpened ? "" : this.#opening;
  }

  /** Report the status of the connection to *panel* from now on. */
  add(panel) {
    this.#panels.add(panel);
    this.#report(this.#status());
  }

  /** Send *text* for *panel*, which shows the frames received from then on. */
  async send(text, panel) {
    this.#current = panel;
    const socket = await this.#open();
    if (socket === null) return;
    panel.add("→", text);
    socket.send(text);
    if (text === this.#opening) this.#isOpened = true;
    this.#report(this.#status());
  }

  #open() {
    if (this.#socket?.readyState === WebSocket.OPEN) return this.#socket;
    this.#report("Connecting …");
    const socket = new WebSocket(this.#address);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#current.add("←", data));
    socket.addEventListener("close", ({ code, reason }) => this.#onClose(socket, code, reason));
    return new Promise((resolve) => {
      socket.addEventListener("open", () => resolve(socket));
      socket.addEventListener("close", () => resolve(null));
    });
  }

  #onClose(socket, code, reason) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#isOpened = false;
    this.#report(`Closed with ${code}${reason && `, ${reason}`}. Sending reconnects.`);
  }

  #status() {
    return this.#socket ? `Connected to ${this.#address}` : "Not connected. Sending connects.";
  }

  #report(status) {
    for (const panel of this.#panels) panel.onChange(status);
  }
}

/** An example that is a frame, sent over *connection*. */
export function frameTry(_where, _type, connection) {
  return { label: "Send", connection, run: (panel, text) => connection.send(text, panel) };
}

/** An example that is a POST request to publish, with the package type *type*. */
export function postTry(where, type) {
  return { label: "Post", where, run: (panel, text, address) => post(panel, text, address, type) };
}

/** An example that subscribes to an event stream. */
export function streamTry(where) {
  let aborter = null;
  return {
    label: "Listen",
    where,
    isWithoutText: true,
    run: (panel, _text, address) => {
      aborter?.abort();
      aborter = new AbortController();
      return listen(panel, address, aborter.signal);
    },
    stop: () => aborter?.abort(),
  };
}

async function post(panel, text, address, type) {
  panel.add("→", text);
  const headers = type ? { "Package-Type": type } : {};
  const response = await fetch(`..${address}`, { method: "POST", body: text, headers });
  const names = ["X-Delivered", "X-Error"].filter((name) => response.headers.has(name));
  const lines = names.map((name) => `${name}: ${response.headers.get(name)}`);
  panel.add("←", [`${response.status} ${response.statusText}`, ...lines, await response.text()].join("\n"));
}

/** Show each event as it is transmitted. */
async function listen(panel, address, signal) {
  const response = await fetch(`..${address}`, { headers: { Accept: "text/event-stream" }, signal });
  if (!response.ok) return panel.add("←", `${response.status} ${response.statusText}\n${await response.text()}`);
  panel.onChange(`Listening to ${address}`);
  let rest = "";
  for (const reader = response.body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return panel.onChange("The server ended the stream.");
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) panel.add("←", event);
  }
}
