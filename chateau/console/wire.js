/**
 * The wire: one WebSocket to the house that comes back by itself, with requests that await their answers.
 *
 * It knows the shape of a frame, not what the types mean; house.js does.
 */

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
const DEAD_AFTER_MS = 15_000; // without an answer
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
  #waiting = new Map(); // the requests without an answer, by ref
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
    const [oldest] = this.#waiting.values();
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
  request(type, fields = {}, { routine = false } = {}) {
    if (!this.isOpen) return Promise.reject(new Dropped("The page is not connected right now."));
    const ref = ++this.#ref;
    const text = JSON.stringify({ type, ...fields, ref });
    return new Promise((resolve, reject) => {
      this.#waiting.set(ref, { resolve, reject, routine, sentAt: performance.now() });
      this.#show("out", text, { type, ...fields }, { routine });
      this.#socket.send(text);
    });
  }

  #hear(text) {
    const heardAt = performance.now();
    const frame = JSON.parse(text);
    const isPush = "sender" in frame || "event" in frame;
    const request = isPush ? undefined : this.#waiting.get(frame.ref);
    const latency = request && heardAt - request.sentAt;
    this.#show("in", text, frame, { routine: request?.routine, latency });
    if (isPush) this.#hooks.pushed(frame);
    else if (request) this.#answer(request, frame);
  }

  #answer(request, frame) {
    this.#attempts = 0;
    this.#waiting.delete(frame.ref);
    if (frame.status === 200) request.resolve(frame);
    else request.reject(new Refusal(frame));
  }

  #lose(event) {
    this.#socket = null;
    const why = event.reason ? `, ${event.reason}` : "";
    this.#note("closed", `${event.code}${why}`);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#attempts++);
    const pauseMs = pause * (0.75 + Math.random() / 2); // so that not all pages come back in one moment
    this.#timer = setTimeout(() => this.connect(), pauseMs);
    for (const { reject } of waiting) reject(new Dropped("The connection was lost before an answer came."));
    this.#hooks.closed(event, pauseMs);
  }

  #show(direction, text, frame, { routine = false, latency }) {
    const size = this.#bytes.encode(text).length;
    const kept = text.length > KEPT_CHARACTERS ? text.slice(0, KEPT_CHARACTERS) : text;
    const { type, event, code } = frame;
    const said = "sender" in frame;
    this.#hooks.seen({ direction, at: new Date(), kept, size, routine, latency, type, event, code, said });
  }

  #note(what, detail) {
    this.#hooks.seen({ direction: "note", at: new Date(), what, detail });
  }
}
