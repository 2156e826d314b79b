/**
 * The admin API: calls with the secret key, and event streams that come back by themselves.
 *
 * It knows the shape of an answer, not what the addresses mean. The key stays in this object, and is kept nowhere.
 */

const PATIENCE_MS = 15_000; // for an answer
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
const LINE_END = /\r\n|[\n\r]/;

/** The server's no, in its own words; *status* is HTTP's. */
export class Refusal extends Error {
  constructor({ status, code, error }) {
    super(error);
    this.status = status;
    this.code = code;
  }
}

/** No answer came, or none that is the admin API's. */
export class Unreachable extends Error {}

/** How *action* was refused or cut short; null where it was done. Anything else is a bug, and thrown. */
export async function failureOf(action) {
  try {
    await action();
    return null;
  } catch (error) {
    if (error instanceof Refusal || error instanceof Unreachable) return error;
    throw error;
  }
}

export class Admin {
  #address;
  #key = "";

  /** *address*: where the API is, up to and with its last slash. */
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

  /** Listen to *path*; *hooks* as a Stream has them. */
  listen(path, hooks, options) {
    const open = (signal) => this.#ask(path, { headers: { Accept: "text/event-stream" }, signal });
    return new Stream(open, hooks, options);
  }

  async #call(path, options) {
    const answer = await this.#ask(path, { ...options, signal: AbortSignal.timeout(PATIENCE_MS) });
    return jsonOf(answer);
  }

  async #ask(path, { headers, ...options }) {
    const asked = { cache: "no-store", ...options, headers: { ...headers, Authorization: `Bearer ${inLatin(this.#key)}` } };
    const answer = await fetch(this.#address + path, asked).catch(() => {
      throw new Unreachable("The server cannot be reached.");
    });
    if (answer.ok) return answer;
    const { code, error } = await jsonOf(answer);
    throw new Refusal({ status: answer.status, code, error });
  }
}

/**
 * One event stream. *hooks*: opened(), where one wants to know; heard(event, value); lost(pauseMs), it will try again; refused(refusal), it will not.
 * *silenceMs*: how long it may say nothing before it counts as lost.
 */
class Stream {
  #open;
  #hooks;
  #silenceMs;
  #cut; // ends the connection that there is
  #attempts = 0;
  #again = null;
  #silence = null;

  constructor(open, hooks, { silenceMs = Infinity } = {}) {
    this.#open = open;
    this.#hooks = hooks;
    this.#silenceMs = silenceMs;
    this.connect();
  }

  /** Connect now, whatever there was. */
  connect() {
    this.close();
    const cut = new AbortController();
    this.#cut = cut;
    this.#listen(cut);
  }

  /** Connect now if it only waits to do so. */
  hurry() {
    if (this.#again !== null) this.connect();
  }

  close() {
    clearTimeout(this.#again);
    clearTimeout(this.#silence);
    this.#again = null;
    this.#cut?.abort();
    this.#cut = null;
  }

  async #listen(cut) {
    this.#watch(cut);
    const error = await failureOf(async () => {
      const { body } = await this.#open(cut.signal);
      if (this.#cut === cut) this.#hooks.opened?.();
      const events = new Events((event, value) => this.#cut === cut && this.#hear(event, value));
      for await (const text of texts(body)) {
        this.#watch(cut);
        events.feed(text);
      }
    });
    if (this.#cut === cut) this.#end(error);
  }

  #hear(event, value) {
    this.#attempts = 0;
    this.#hooks.heard(event, value);
  }

  /** Give up a connection that says nothing for too long: what is behind it may be gone. */
  #watch(cut) {
    clearTimeout(this.#silence);
    if (this.#cut === cut && this.#silenceMs < Infinity) this.#silence = setTimeout(() => cut.abort(), this.#silenceMs);
  }

  #end(error) {
    this.close();
    if (error instanceof Refusal && error.status < 500) {
      this.#hooks.refused(error);
      return;
    }
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#attempts++);
    const pauseMs = pause * (0.75 + Math.random() / 2); // so that not all pages come back in one moment
    this.#again = setTimeout(() => this.connect(), pauseMs);
    this.#hooks.lost(pauseMs);
  }
}

/** Reads the lines of an event stream; *heard(event, value)* for each event, its data read as JSON. */
class Events {
  #heard;
  #rest = "";
  #event = "message";
  #data = [];

  constructor(heard) {
    this.#heard = heard;
  }

  feed(text) {
    const whole = this.#rest + text;
    const end = whole.endsWith("\r") ? whole.length - 1 : whole.length; // a \n may follow, and belong to it
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
    if (data.length) this.#heard(event, JSON.parse(data.join("\n")));
  }
}

async function* texts(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => ({ done: true })); // cut off, and so at its end
    if (done) return;
    yield value;
  }
}

/** The JSON of *answer*, which something between here and the server may have written. */
async function jsonOf(answer) {
  try {
    return await answer.json();
  } catch {
    throw new Unreachable(`What answered, by ${answer.status}, is not the admin API, or was cut off.`);
  }
}

/** The UTF-8 bytes of *text*, each as a character: a header has no others. */
function inLatin(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
