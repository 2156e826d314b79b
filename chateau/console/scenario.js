/**
 * The session as a scenario for the test client (docs/scenarios.md): what this page sent, and what came of it.
 *
 * It does what `to-scenario` does with recordings, and one thing more: it is to pass on a server where nobody else is.
 * So what others did is left out, who was written to is brought in as a client, and of lists only what is this page's
 * is expected.
 */

import { ANY_TEXT, Captures } from "./captures.js";
import { read } from "./json_text.js";
import { written } from "./layout.js";

const NAME = /^[^\s$/][^$]{0,39}$/; // of a client
const OUTSIDE = ["not_in_room", "unknown_room"];
const ELSEWHERE = new Set(["access_denied", "banned", "rate_limited", "unavailable", "internal"]); // not the request's doing

/** Whether *entry* of the wire may be needed for it; *me* is the name that this page has. */
export function belongs({ direction, routine, request, sender }, me) {
  if (direction === "note") return true;
  if (routine) return false;
  return direction === "out" || request !== undefined || (sender !== undefined && sender === me);
}

/** The text of a scenario file, called *name*, of *entries*, which are all that belong. */
export function scenarioOf(entries, name) {
  return written(new Draft(entries).scenario(name));
}

class Draft {
  #frames;
  #captures;
  #client;
  #isOpen = false;
  #me = null; // the name that this page has at the time
  #names = new Set(); // that it ever had
  #rooms = new Set();
  #guests = new Map(); // by their names in lower case: {client, isHere}
  #steps = [];

  constructor(entries) {
    this.#frames = entries.filter(isKnown).map(frameOf);
    this.#captures = new Captures(this.#frames.filter(({ direction }) => direction !== "note"));
    const first = this.#frames.find(({ direction, answer }) => direction === "out" && isDone(answer, 1));
    this.#client = this.#clientFor(first?.value.username ?? "page");
  }

  scenario(name) {
    for (const frame of this.#frames) {
      this.#captures.beginFrame();
      if (frame.direction === "note") this.#noted(frame);
      else if (frame.direction === "out") this.#sent(frame);
      else this.#received(frame);
    }
    if (this.#steps.at(-1)?.close) this.#steps.pop(); // the player says goodbye by itself
    return { name, ...this.#comment(), clients: this.#clients(), steps: this.#steps };
  }

  #comment() {
    const names = [...this.#names];
    if (names.length === 0) return {};
    const sentence = `the names are those of the session: ${names.join(", ")}`;
    return { "//": `${sentence}; ${names[0]}-$\{run} would be new in every run` };
  }

  #clients() {
    const all = [this.#client, ...[...this.#guests.values()].map(({ client }) => client)];
    return Object.fromEntries(all.map((client) => [client, { protocol: "chateau" }]));
  }

  #noted({ what }) {
    const isOpen = what === "connected";
    if (isOpen === this.#isOpen) return; // an attempt that failed
    this.#isOpen = isOpen;
    this.#steps.push(isOpen ? { connect: this.#client } : { close: this.#client });
    this.#me = null;
    this.#rooms.clear();
  }

  #sent({ text, value, answer }) {
    if (ELSEWHERE.has(answer.code)) {
      this.#steps.push({ "//": `a request of the type ${answer.type} was refused (${answer.code}) here, as the house was then` });
      return;
    }
    this.#prepare(value, answer);
    this.#step({ send: isSendable(text) ? this.#sendable(value) : escaped(text) });
    this.#take(value, answer);
  }

  /** Bring about what *answer* to *request* had to do with: who is here, and whether this page is in the room. */
  #prepare(request, answer) {
    if (isDone(answer, 1)) this.#sendAway(request.username);
    if (answer.code === "name_taken") this.#bring(request.username);
    if (answer.code === "unknown_recipient") for (const name of answer.unknown) this.#sendAway(name);
    if (isDone(answer, 3) || answer.code === "unknown_recipient") {
      const unknown = new Set(answer.unknown);
      for (const name of request.clients) if (!unknown.has(name)) this.#bring(name);
    }
    const room = answer.room ?? request?.room;
    if (this.#rooms.has(room) && (isDone(answer, 5) || OUTSIDE.includes(answer.code))) this.#putOut(room);
  }

  /** What the house knows of this page after *answer*. */
  #take({ username }, answer) {
    if (isDone(answer, 1)) this.#names.add((this.#me = username));
    if (isDone(answer, 2)) this.#me = null;
    if (isDone(answer, 2)) this.#rooms.clear();
    if (isDone(answer, 5)) this.#rooms.add(answer.room);
    if (isDone(answer, 6)) this.#rooms.delete(answer.room);
  }

  #received({ value, request, isWhole }) {
    if (request ? ELSEWHERE.has(value.code) : !this.#captures.isOwn(value.id)) return;
    this.#step({ expect: isWhole ? this.#expectable(value) : value });
    if (isDone(value, 3) && request) this.#hearGuests(request, value);
  }

  /** Who was written to hears it. */
  #hearGuests({ clients, content }, { id }) {
    this.#captures.beginFrame();
    const guests = new Set(clients.map((name) => this.#guests.get(name.toLowerCase())));
    for (const guest of guests) {
      const heard = { type: 3, sender: escaped(this.#me), content: escaped(content), id: this.#captures.id(id) };
      if (guest) this.#steps.push({ client: guest.client, expect: heard });
    }
  }

  #bring(name) {
    if (name.toLowerCase() === this.#me?.toLowerCase()) return;
    const guest = this.#guests.get(name.toLowerCase()) ?? { client: this.#clientFor(name), isHere: false };
    this.#guests.set(name.toLowerCase(), guest);
    if (!guest.isHere) this.#exchange(guest.client, { type: 1, username: escaped(name) }, { type: 1, status: 200 });
    guest.isHere = true;
  }

  #sendAway(name) {
    const guest = this.#guests.get(name.toLowerCase());
    if (guest?.isHere) this.#exchange(guest.client, { type: 2 }, { type: 2, status: 200 });
    if (guest) guest.isHere = false;
  }

  /** The house put this page out of *room*; in the scenario it goes by itself. */
  #putOut(room) {
    this.#steps.push({ "//": `here the house had put ${this.#client} out of the room` });
    this.#exchange(this.#client, { type: 6, room: escaped(room) }, { type: 6, status: 200 });
    this.#rooms.delete(room);
  }

  #exchange(client, send, expect) {
    this.#steps.push({ client, send }, { client, expect });
  }

  #step(does) {
    this.#steps.push({ client: this.#client, ...does });
  }

  #clientFor(name) {
    const others = [this.#client, ...[...this.#guests.values()].map(({ client }) => client)];
    return NAME.test(name) && !others.includes(name) ? name : `client-${others.length}`;
  }

  #sendable(request) {
    const isSince = (key, value) => key === "since" && request.type === 8 && value > 0;
    return mapped(request, (key, value) => (isSince(key, value) ? this.#captures.since(request) : escapedIn(value)));
  }

  #expectable(frame) {
    return mapped(frame, (key, value) => {
      if (key === "code" && OUTSIDE.includes(value)) return { $one_of: OUTSIDE };
      if (key === "error" && OUTSIDE.includes(frame.code)) return ANY_TEXT;
      if (key === "schema") return { $regex: `${value.split("/").at(-1).replace(".", "\\.")}$` };
      const own = frame.type === 3 || typeof value !== "object" ? undefined : OF_ALL[key];
      return own ? this.#ofAll(own(value, this.#me, this.#rooms), value) : this.#left(frame, key, value);
    });
  }

  /** *own*, what of a list of all is this page's, or else only what it is. */
  #ofAll(own, value) {
    if (value.constructor === Object) return own ?? { $type: "object" };
    const items = own.filter((item) => item?.id === undefined || this.#captures.reference(item.id));
    const expected = items.map((item) => (item.constructor === Object ? this.#expectable(item) : escapedIn(item)));
    return items.length ? { $contains: expected } : { $type: "array" };
  }

  #left(frame, key, value) {
    if (key === "id") return this.#captures.id(value);
    if (key === "seq") return this.#captures.seq(frame.room, value);
    if (key === "time") return ANY_TEXT;
    if (key === "members") return { $type: "integer" };
    return key === "complete" || key === "available" ? { $type: "boolean" } : escapedIn(value);
  }
}

/** What of a list that tells of all is this page's, by its key in the answer. */
const OF_ALL = {
  clients: (clients, me) => clients.filter((name) => name === me),
  protocols: (protocols, me) => (me in protocols ? { [escaped(me)]: { $contains: ["chateau"] } } : null),
  members: (members, me) => members.filter((name) => name === me),
  rooms: (rooms, _, inside) => rooms.filter(({ room }) => inside.has(room)),
  messages: (messages) => messages,
};

/** Whether *entry* is all there: a frame that was cut, or has no answer, cannot be played. */
function isKnown({ direction, isWhole, answer, request }) {
  if (direction === "note") return true;
  return direction === "out" ? isWhole && answer !== undefined : (request?.isWhole ?? true);
}

function frameOf({ direction, what, text, isWhole, answer, request, type, status, ref }) {
  if (direction === "note") return { direction, what };
  const value = isWhole ? valueOf(text) : { type, status, ...(ref === undefined ? {} : { ref }) };
  return { direction, text, isWhole, value, answer: answer && valueOf(answer.text), request: request && valueOf(request.text) };
}

function valueOf(text) {
  try {
    return read(text).value;
  } catch {
    return {}; // no JSON, or cut
  }
}

function isDone(answer, type) {
  return answer?.status === 200 && answer.type === type && !("sender" in answer);
}

/** Whether *text* is an object that is the same when it is written again, and has no key that a scenario reads. */
function isSendable(text) {
  try {
    const node = read(text);
    return node.members !== undefined && isPlain(node);
  } catch {
    return false;
  }
}

function isPlain({ members, items, value, text }) {
  if (members) return members.every(([key, inner]) => !/^(\$|\/\/)/.test(key) && isPlain(inner));
  if (items) return items.every(isPlain);
  return typeof value !== "number" || String(value) === text;
}

function mapped(object, change) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [escaped(key), change(key, value)]));
}

function escapedIn(value) {
  if (typeof value === "string") return escaped(value);
  if (Array.isArray(value)) return value.map(escapedIn);
  return typeof value === "object" && value !== null ? mapped(value, (_, inner) => escapedIn(inner)) : value;
}

/** *text* as a scenario has it, where `${` begins a variable. */
function escaped(text) {
  return text.replaceAll("${", () => "$${");
}
