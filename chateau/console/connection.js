/**
 * One WebSocket that reconnects by itself, and requests that wait for their responses.
 *
 * It knows the shape of a frame, not what the types mean; chat_state.js does. Every request gets one response, in
 * the order of the requests, so a response is matched by its position, with or without a ref.
 */

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
const RESPONSE_TIMEOUT_MS = 15_000;
const KICKED_ATTEMPTS = 4; // counted after a kick, so that the first pause before reconnecting is longer
const MAX_CHARACTERS = 65_536; // stored of one frame, to be shown

/** An error response; its message is the server's. */
export class ErrorResponse extends Error {
  constructor(frame) {
    super(frame.error ?? "The server sent an error without a description.");
    this.code = frame.code;
  }
}

/** The connection was lost, or never opened, before a response came. */
export class ConnectionLost extends Error {}

export class Connection {
  #address;
  #hooks;
  #socket = null;
  #pending = []; // requests without a response: {entry, resolve, reject, sentAt}
  #ref = 0;
  #attempts = 0;
  #timer = null;
  #whenOpen = []; // resolve functions of those that wait for a connection
  #encoder = new TextEncoder();

  /** *hooks*: opened(), closed(event, pauseMs), pushed(frame), and seen(entry) for the list of frames. */
  constructor(address, hooks) {
    this.#address = address;
    this.#hooks = hooks;
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Resolve when there is a connection: immediately, or once there is one. */
  whenOpen() {
    return this.isOpen ? Promise.resolve() : new Promise((resolve) => this.#whenOpen.push(resolve));
  }

  /** Connect now, without waiting for the end of a pause. */
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
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#lose(event);
  }

  /** Drop a connection on which a request has waited too long for its response: the server may be gone. */
  check() {
    const [oldest] = this.#pending;
    if (!oldest || performance.now() - oldest.sentAt < RESPONSE_TIMEOUT_MS) return;
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#lose({ code: "by this page", reason: "no response came" });
  }

  /**
   * Send a request; resolve with the response, or reject with an ErrorResponse or with ConnectionLost. *routine*
   * requests are sent regularly, and hidden in the list of frames.
   */
  async request(type, fields = {}, { routine = false } = {}) {
    const text = JSON.stringify({ type, ...fields, ref: ++this.#ref });
    const { frame } = await this.#send(text, { routine });
    if (frame.status !== 200) throw new ErrorResponse(frame);
    return frame;
  }

  /** Send any *text*; resolve with {frame, entry} of its response, or reject with ConnectionLost. */
  send(text) {
    return this.#send(text, { routine: false });
  }

  #send(text, { routine }) {
    if (!this.isOpen) return Promise.reject(new ConnectionLost("The page is not connected."));
    return new Promise((resolve, reject) => {
      const entry = this.#entry("out", text, parsed(text), { routine });
      this.#pending.push({ entry, resolve, reject, sentAt: performance.now() });
      this.#hooks.seen(entry);
      this.#socket.send(text);
    });
  }

  #receive(text) {
    const receivedAt = performance.now();
    const frame = JSON.parse(text);
    const isPush = "sender" in frame || "event" in frame;
    const request = isPush ? undefined : this.#pending.shift();
    const latency = request && receivedAt - request.sentAt;
    const entry = this.#entry("in", text, frame, { routine: request?.entry.routine ?? false, request: request?.entry, latency });
    if (request) request.entry.response = entry;
    this.#hooks.seen(entry);
    if (isPush) this.#hooks.pushed(frame);
    else if (request) this.#resolve(request, frame, entry);
  }

  #resolve(request, frame, entry) {
    this.#attempts = 0;
    request.resolve({ frame, entry });
  }

  #lose(event) {
    this.#socket = null;
    const why = event.reason ? `, ${event.reason}` : "";
    this.#note("closed", `${event.code}${why}`);
    if (event.reason?.startsWith("kicked")) this.#attempts = Math.max(KICKED_ATTEMPTS, this.#attempts);
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#attempts++);
    const pauseMs = pause * (0.75 + Math.random() / 2); // so that not all pages reconnect at the same moment
    this.#timer = setTimeout(() => this.connect(), pauseMs);
    for (const { reject } of this.#pending.splice(0)) reject(new ConnectionLost("The connection was lost before a response came."));
    this.#hooks.closed(event, pauseMs);
  }

  /** Return an entry for the list of frames: the text, and the fields that the list shows. */
  #entry(direction, text, frame, more) {
    const size = this.#encoder.encode(text).length;
    const isWhole = text.length <= MAX_CHARACTERS;
    const { type, event, code, status, ref, sender } = frame;
    const content = { text: isWhole ? text : text.slice(0, MAX_CHARACTERS), isWhole, size };
    const fields = direction === "out" ? { type } : { type, event, code, status, ref, sender };
    return { direction, at: new Date(), ...content, ...fields, ...more };
  }

  #note(what, detail) {
    this.#hooks.seen({ direction: "note", at: new Date(), what, detail });
  }
}

/** Return the object that *text*, written by hand, has as JSON; an empty one for any other text. */
function parsed(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
