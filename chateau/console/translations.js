/** The chosen frame in each of the five protocols: fetched from the server, and shown with every byte. */

import { element } from "./dom.js";

const BYTES = 8; // per row
const SHOWN_BYTES = 4096;

/** What the bytes around the text are, by transport. */
const FRAMING = {
  WebSocket: (bytes, head) =>
    `The first ${head} bytes are the header of the WebSocket frame: its kind (text) and its length` +
    (bytes[1] & 0x80 ? ", then 4 bytes with the mask, with which all following bytes are XORed." : "."),
  TCP: (_, __, tail) => (tail === 2 ? "The last 2 bytes, CR LF, end the line." : "The last byte, LF, ends the line."),
  HTTP: () => "An empty line ends the header; the body follows.",
  "server-sent events": () => "An empty line ends the event.",
};

export class Translations {
  #address;
  #open = new Set(); // protocols that the user has expanded; they stay so for the next frame

  constructor(address) {
    this.#address = address;
  }

  /** Return a list with *entry* in each protocol; it is filled once the server has responded. */
  of(entry) {
    const list = element("div", { class: "translations" }, element("p", { class: "muted" }, "Loading …"));
    entry.translations ??= this.#fetch(entry); // a promise, so that a frame is requested once
    entry.translations.then((shown) => list.replaceChildren(...this.#rows(shown)));
    const title = "The same in all five protocols";
    return element("section", { "aria-label": title }, element("h3", {}, title), list);
  }

  async #fetch(entry) {
    try {
      const response = await fetch(this.#address, { method: "POST", body: entry.text });
      return await response.json();
    } catch {
      entry.translations = undefined; // the next use requests it again
      return { error: "The server cannot be reached." };
    }
  }

  #rows({ error, writings: translations = [] }) {
    if (error) return [element("p", { class: "muted" }, `Not available: ${error}`)];
    const protocols = new Set(translations.map(({ protocol }) => protocol));
    return [...protocols].map((protocol) => this.#row(protocol, translations.filter((each) => each.protocol === protocol)));
  }

  #row(protocol, all) {
    const present = all.filter(({ text }) => text !== null);
    const sizes = present.map(({ wire: transport, hex }) => `${transport}, ${hex.length / 2} B`).join("; ");
    const summary = element("summary", {}, element("strong", {}, protocol), ` ${sizes || "has no equivalent"}`);
    const row = element("details", {}, summary, ...all.flatMap((each) => translation(each)));
    row.open = this.#open.has(protocol);
    row.addEventListener("toggle", () => (row.open ? this.#open.add(protocol) : this.#open.delete(protocol)));
    return row;
  }
}

function translation({ wire: transport, who, text, hex, head, tail, note }) {
  const notes = note ? [element("p", {}, note)] : [];
  if (text === null) return notes;
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  return [
    element("p", {}, `${transport}: the ${who} sends`),
    element("pre", {}, text),
    ...notes,
    element("p", { class: "muted" }, FRAMING[transport]?.(bytes, head, tail) ?? ""),
    dump(bytes, head, tail),
  ];
}

/** Return *bytes* in rows of offset, hexadecimal digits and characters, with the framing marked. */
function dump(bytes, head, tail) {
  const shown = bytes.subarray(0, SHOWN_BYTES);
  const isFraming = (offset) => offset < head || offset >= bytes.length - tail;
  const rows = [];
  for (let start = 0; start < shown.length; start += BYTES) {
    rows.push(...row(shown.subarray(start, start + BYTES), start, isFraming));
  }
  if (shown.length < bytes.length) rows.push(`… and ${bytes.length - shown.length} more`);
  return element("pre", { class: "hex", role: "group", "aria-label": "All bytes, in hexadecimal" }, ...rows);
}

function row(bytes, start, isFraming) {
  const cells = [...bytes].map((byte, place) => {
    const digits = byte.toString(16).padStart(2, "0");
    return isFraming(start + place) ? element("mark", { title: "framing" }, digits) : digits;
  });
  const spaced = cells.flatMap((cell) => [cell, " "]);
  const characters = [...bytes].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
  const offset = start.toString(16).padStart(4, "0");
  return [`${offset}  `, ...spaced, "   ".repeat(BYTES - bytes.length), ` ${characters}\n`];
}
