/**
 * The wire: one WebSocket to the house that comes back by itself, with requests that await their answers.
 *
 * It knows the shape of a frame, not what the types mean; house.js does. Every request gets one answer, in the order
 * of the requests, so each is known by its place, with a ref or without, and whatever was sent by hand in between.
 */

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
const DEAD_AFTER_MS = 15_000; // without an answer
const SENT_AWAY = 4; // attempts to begin with for who was sent away: not to be back in a moment
const KEPT_CHARACTERS = 65_536; // of one frame, for whoever wants to look at it

/** The server's no, in its own words. */
export class Refusal extends Error {
  constructor(answer) {
    super(answer.error ?? "The server refused, and did not say why.");
    this.code = answer.code;
  }
}

/** The connection was lost, or not there, before an answer came. */
export class Dropped extends Error {}

export class Wire {
  #address;
  #hooks;
  #socket = null;
  #waiting = []; // the requests without an answer: {entry, resolve, reject, sentAt}
  #ref = 0;
  #attempts = 0;
  #timer = null;
  #whenOpen = []; // who waits for a connection
  #bytes = new TextEncoder();

  /** *hooks*: opened(), closed(event, pauseMs), pushed(frame), seen(entry) for the list of frames. */
  constructor(address, hooks) {
    this.#address = address;
    this.#hooks = hooks;
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Resolves when there is a connection: now, or once there is one. */
  whenOpen() {
    return this.isOpen ? Promise.resolve() : new Promise((resolve) => this.#whenOpen.push(resolve));
  }

  /** Connect now, whatever the pause still is. */
  connect() {
    clearTimeout(this.#timer);
    if (this.#socket !== null) return;
    const socket = new WebSocket(this.#address);
    this.#socket = socket;
    socket.onopen = () => {
      this.#note("connected", this.#address);
      this.#hooks.opened();
      for (const resolve of this.#whenOpen.splice(0)) resolve();
    };
    socket.onmessage = (event) => this.#hear(event.data);
    socket.onclose = (event) => this.#lose(event);
  }

  /** Give a connection up that leaves a request without its answer: what is behind it may be gone. */
  check() {
    const [oldest] = this.#waiting;
    if (!oldest || performance.now() - oldest.sentAt < DEAD_AFTER_MS) return;
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#lose({ code: "by this page", reason: "no answer came" });
  }

  /**
   * Ask; resolves with the answer. *routine*: the page asks this regularly, nobody has to see it.
   * Rejects with a Refusal, or with Dropped.
   */
  async request(type, fields = {}, { routine = false } = {}) {
    const text = JSON.stringify({ type, ...fields, ref: ++this.#ref });
    const { frame } = await this.#ask(text, { routine });
    if (frame.status !== 200) throw new Refusal(frame);
    return frame;
  }

  /** Send *text*, whatever it is; resolves with the {frame, entry} of its answer. Rejects with Dropped. */
  say(text) {
    return this.#ask(text, { routine: false });
  }

  #ask(text, { routine }) {
    if (!this.isOpen) return Promise.reject(new Dropped("The page is not connected right now."));
    return new Promise((resolve, reject) => {
      const entry = this.#entry("out", text, parsed(text), { routine });
      this.#waiting.push({ entry, resolve, reject, sentAt: performance.now() });
      this.#hooks.seen(entry);
      this.#socket.send(text);
    });
  }

  #hear(text) {
    const heardAt = performance.now();
    const frame = JSON.parse(text);
    const isPush = "sender" in frame || "event" in frame;
    const asked = isPush ? undefined : this.#waiting.shift();
    const latency = asked && heardAt - asked.sentAt;
    const entry = this.#entry("in", text, frame, { routine: asked?.entry.routine ?? false, request: asked?.entry, latency });
    if (asked) asked.entry.answer = entry;
    this.#hooks.seen(entry);
    if (isPush) this.#hooks.pushed(frame);
    else if (asked) this.#answer(asked, frame, entry);
  }

  #answer(asked, frame, entry) {
    this.#attempts = 0;
    asked.resolve({ frame, entry });
  }

  #lose(event) {
    this.#socket = null;
    const why = event.reason ? `, ${event.reason}` : "";
    this.#note("closed", `${event.code}${why}`);
    if (event.reason?.startsWith("kicked")) this.#attempts = Math.max(SENT_AWAY, this.#attempts);
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#attempts++);
    const pauseMs = pause * (0.75 + Math.random() / 2); // so that not all pages come back in one moment
    this.#timer = setTimeout(() => this.connect(), pauseMs);
    for (const { reject } of this.#waiting.splice(0)) reject(new Dropped("The connection was lost before an answer came."));
    this.#hooks.closed(event, pauseMs);
  }

  /** What the list of frames gets to see of one: its text, and what the text says of itself. */
  #entry(direction, text, frame, more) {
    const size = this.#bytes.encode(text).length;
    const isWhole = text.length <= KEPT_CHARACTERS;
    const { type, event, code, status, ref, sender } = frame;
    const kept = { text: isWhole ? text : text.slice(0, KEPT_CHARACTERS), isWhole, size };
    const says = direction === "out" ? { type } : { type, event, code, status, ref, sender };
    return { direction, at: new Date(), ...kept, ...says, ...more };
  }

  #note(what, detail) {
    this.#hooks.seen({ direction: "note", at: new Date(), what, detail });
  }
}

/** What *text*, which somebody wrote by hand, says; nothing where it is no object. */
function parsed(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
