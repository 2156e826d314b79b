/** The same event as each of the five protocols writes it: asked of the server, and shown with every byte. */

import { element } from "./dom.js";

const BYTES = 8; // in a row
const SHOWN_BYTES = 4096;

/** What the bytes around a text are, in words, by what it goes over. */
const FRAMING = {
  WebSocket: (bytes, head) =>
    `The first ${head} bytes are the head of the WebSocket frame: that it is text` +
    (bytes[1] & 0x80 ? ", how long, and in the last 4 the mask, with which all bytes behind it are XORed." : ", and how long."),
  TCP: (_, __, tail) => (tail === 2 ? "The last 2 bytes, CR LF, end the line." : "The last byte, LF, ends the line."),
  HTTP: () => "An empty line ends the head; the body is behind it.",
  "server-sent events": () => "An empty line ends the event.",
};

export class Writings {
  #address;
  #open = new Set(); // protocols that the reader has opened, for the next frame too

  constructor(address) {
    this.#address = address;
  }

  /** A list of what *entry* is in each protocol; it fills itself. */
  of(entry) {
    const list = element("div", { class: "writings" }, element("p", { class: "muted" }, "Asking the server …"));
    entry.writings ??= this.#asked(entry); // a promise, so that a frame is asked about once
    entry.writings.then((shown) => list.replaceChildren(...this.#rows(shown)));
    const title = "The same in all five protocols";
    return element("section", { "aria-label": title }, element("h3", {}, title), list);
  }

  async #asked(entry) {
    try {
      const answer = await fetch(this.#address, { method: "POST", body: entry.text });
      return await answer.json();
    } catch {
      entry.writings = undefined; // the next time will tell
      return { error: "The server could not be asked." };
    }
  }

  #rows({ error, writings = [] }) {
    if (error) return [element("p", { class: "muted" }, `There are no others: ${error}`)];
    const protocols = new Set(writings.map(({ protocol }) => protocol));
    return [...protocols].map((protocol) => this.#row(protocol, writings.filter((each) => each.protocol === protocol)));
  }

  #row(protocol, all) {
    const written = all.filter(({ text }) => text !== null);
    const sizes = written.map(({ wire, hex }) => `${wire}, ${hex.length / 2} B`).join("; ");
    const summary = element("summary", {}, element("strong", {}, protocol), ` ${sizes || "has no such thing"}`);
    const row = element("details", {}, summary, ...all.flatMap((each) => writing(each)));
    row.open = this.#open.has(protocol);
    row.addEventListener("toggle", () => (row.open ? this.#open.add(protocol) : this.#open.delete(protocol)));
    return row;
  }
}

function writing({ wire, who, text, hex, head, tail, note }) {
  const notes = note ? [element("p", {}, note)] : [];
  if (text === null) return notes;
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  return [
    element("p", {}, `${wire}: the ${who} writes`),
    element("pre", {}, text),
    ...notes,
    element("p", { class: "muted" }, FRAMING[wire]?.(bytes, head, tail) ?? ""),
    dump(bytes, head, tail),
  ];
}

/** *bytes* in rows of their place, their hexadecimal digits and their characters; framing is marked, and underlined. */
function dump(bytes, head, tail) {
  const shown = bytes.subarray(0, SHOWN_BYTES);
  const isFraming = (place) => place < head || place >= bytes.length - tail;
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
