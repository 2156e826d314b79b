/**
 * The admin API: requests with the secret key, and event streams that reconnect by themselves.
 *
 * It knows the shape of a response, not what the paths mean. The key is held in this object and stored nowhere.
 */

const TIMEOUT_MS = 15_000; // of a request
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
const LINE_END = /\r\n|[\n\r]/;

/** An error response; its message is the server's, *status* that of HTTP. */
export class ErrorResponse extends Error {
  constructor({ status, code, error }) {
    super(error);
    this.status = status;
    this.code = code;
  }
}

/** No response came, or one that is not from the admin API. */
export class Unreachable extends Error {}

/** Return the error response or the network failure that ended *action*, or null. Any other error is a bug. */
export async function failureOf(action) {
  try {
    await action();
    return null;
  } catch (error) {
    if (error instanceof ErrorResponse || error instanceof Unreachable) return error;
    throw error;
  }
}

export class AdminApi {
  #address;
  #key = "";

  /** *address*: the URL of the API, with its final slash. */
  constructor(address) {
    this.#address = address;
  }

  set key(key) {
    this.#key = key;
  }

  get(path) {
    return this.#call(path, {});
  }

  post(name, fields) {
    return this.#call(name, { method: "POST", body: JSON.stringify(fields) });
  }

  /** Subscribe to the event stream at *path*; *hooks* and *options* as in Stream. */
  listen(path, hooks, options) {
    const open = (signal) => this.#fetch(path, { headers: { Accept: "text/event-stream" }, signal });
    return new Stream(open, hooks, options);
  }

  async #call(path, options) {
    return jsonOf(await this.#fetch(path, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) }));
  }

  async #fetch(path, { headers, ...options }) {
    const request = { cache: "no-store", ...options, headers: { ...headers, Authorization: `Bearer ${latin1Of(this.#key)}` } };
    const response = await fetch(this.#address + path, request).catch(() => {
      throw new Unreachable("The server cannot be reached.");
    });
    if (response.ok) return response;
    const { code, error } = await jsonOf(response);
    throw new ErrorResponse({ status: response.status, code, error });
  }
}

/**
 * One event stream. *hooks*: onOpen(), optional; onEvent(event, value); onLost(pauseMs), it reconnects; onRejected(error),
 * it does not. *silenceMs*: the time without any data after which the connection counts as lost.
 */
class Stream {
  #open;
  #hooks;
  #silenceMs;
  #aborter; // of the current connection
  #attempts = 0;
  #timer = null;
  #silenceTimer = null;

  constructor(open, hooks, { silenceMs = Infinity } = {}) {
    this.#open = open;
    this.#hooks = hooks;
    this.#silenceMs = silenceMs;
    this.connect();
  }

  /** Connect now; close the current connection first. */
  connect() {
    this.close();
    const aborter = new AbortController();
    this.#aborter = aborter;
    this.#listen(aborter);
  }

  /** Connect now, if it is waiting to do so. */
  reconnect() {
    if (this.#timer !== null) this.connect();
  }

  close() {
    clearTimeout(this.#timer);
    clearTimeout(this.#silenceTimer);
    this.#timer = null;
    this.#aborter?.abort();
    this.#aborter = null;
  }

  async #listen(aborter) {
    this.#watch(aborter);
    const error = await failureOf(async () => {
      const { body } = await this.#open(aborter.signal);
      if (this.#aborter === aborter) this.#hooks.onOpen?.();
      const events = new EventParser((event, value) => this.#aborter === aborter && this.#dispatch(event, value));
      for await (const text of texts(body)) {
        this.#watch(aborter);
        events.feed(text);
      }
    });
    if (this.#aborter === aborter) this.#end(error);
  }

  #dispatch(event, value) {
    this.#attempts = 0;
    this.#hooks.onEvent(event, value);
  }

  /** Restart the timer that drops a silent connection: the server may be gone. */
  #watch(aborter) {
    clearTimeout(this.#silenceTimer);
    if (this.#aborter === aborter && this.#silenceMs < Infinity) this.#silenceTimer = setTimeout(() => aborter.abort(), this.#silenceMs);
  }

  #end(error) {
    this.close();
    if (error instanceof ErrorResponse && error.status < 500) {
      this.#hooks.onRejected(error);
      return;
    }
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#attempts++);
    const pauseMs = pause * (0.75 + Math.random() / 2); // so that not all pages reconnect at the same moment
    this.#timer = setTimeout(() => this.connect(), pauseMs);
    this.#hooks.onLost(pauseMs);
  }
}

/** A parser of event streams; calls *onEvent(event, value)* for each event, with its data parsed as JSON. */
class EventParser {
  #onEvent;
  #rest = "";
  #event = "message";
  #data = [];

  constructor(onEvent) {
    this.#onEvent = onEvent;
  }

  feed(text) {
    const whole = this.#rest + text;
    const end = whole.endsWith("\r") ? whole.length - 1 : whole.length; // a \n that belongs to it may follow
    const lines = whole.slice(0, end).split(LINE_END);
    this.#rest = lines.pop() + whole.slice(end);
    for (const line of lines) this.#read(line);
  }

  #read(line) {
    if (line === "") this.#dispatch();
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (field === "event") this.#event = value;
    if (field === "data") this.#data.push(value);
  }

  #dispatch() {
    const [event, data] = [this.#event, this.#data];
    this.#event = "message";
    this.#data = [];
    if (data.length) this.#onEvent(event, JSON.parse(data.join("\n")));
  }
}

async function* texts(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => ({ done: true })); // an aborted stream has ended
    if (done) return;
    yield value;
  }
}

/** Return the JSON of *response*, which a proxy in between may have written. */
async function jsonOf(response) {
  try {
    return await response.json();
  } catch {
    throw new Unreachable(`The response (status ${response.status}) is not from the admin API, or is incomplete.`);
  }
}

/** Return the UTF-8 bytes of *text*, each as one character, as a header requires. */
function latin1Of(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
