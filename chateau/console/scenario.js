/**
 * The session as a scenario for the test client (docs/scenarios.md): the frames that this page sent, and the results.
 *
 * It does what `to-scenario` does with recordings, and the scenario also passes on a server without other users. So it
 * omits the actions of others, adds a client for each user that was addressed, and expects of lists only the items of
 * this page.
 */

import { ANY_TEXT, Captures } from "./captures.js";
import { read } from "./json_text.js";

const NAME = /^[^\s$/][^$]{0,39}$/; // of a client
const WIDTH = 110;
const SPREAD = new Set(["clients", "steps"]); // always one item per line
const NOT_IN_ROOM = ["not_in_room", "unknown_room"];
const CIRCUMSTANTIAL = new Set(["access_denied", "banned", "rate_limited", "unavailable", "internal"]); // not caused by the request

/** Return whether a scenario may need *entry*; *me* is the username of this page. */
export function belongs({ direction, routine, request, sender }, me) {
  if (direction === "note") return true;
  if (routine) return false;
  return direction === "out" || request !== undefined || (sender !== undefined && sender === me);
}

/** Return the text of a scenario file named *name*, made of *entries*, all of which belong to it. */
export function scenarioOf(entries, name) {
  return fileText(new Draft(entries).scenario(name));
}

class Draft {
  #frames;
  #captures;
  #client;
  #isOpen = false;
  #me = null; // the current username of this page
  #names = new Set(); // all usernames of this page
  #rooms = new Set();
  #others = new Map(); // by name in lower case: {client, isRegistered}
  #steps = [];

  constructor(entries) {
    this.#frames = entries.filter(isKnown).map(frameOf);
    this.#captures = new Captures(this.#frames.filter(({ direction }) => direction !== "note"));
    const first = this.#frames.find(({ direction, response }) => direction === "out" && isDone(response, 1));
    this.#client = this.#clientFor(first?.value.username ?? "page");
  }

  scenario(name) {
    for (const frame of this.#frames) {
      this.#captures.beginFrame();
      if (frame.direction === "note") this.#noted(frame);
      else if (frame.direction === "out") this.#sent(frame);
      else this.#received(frame);
    }
    if (this.#steps.at(-1)?.close) this.#steps.pop(); // the player closes the connection by itself
    return { name, ...this.#comment(), clients: this.#clients(), steps: this.#steps };
  }

  #comment() {
    const names = [...this.#names];
    if (names.length === 0) return {};
    const sentence = `the usernames are those of the session: ${names.join(", ")}`;
    return { "//": `${sentence}; ${names[0]}-$\{run} would be new in every run` };
  }

  #clients() {
    const all = [this.#client, ...[...this.#others.values()].map(({ client }) => client)];
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

  #sent({ text, value, response }) {
    if (CIRCUMSTANTIAL.has(response.code)) {
      this.#steps.push({ "//": `a request of type ${response.type} failed here (${response.code}) because of the state of the server` });
      return;
    }
    this.#prepare(value, response);
    this.#step({ send: isSendable(text) ? this.#sendable(value) : escaped(text) });
    this.#update(value, response);
  }

  /** Add steps that make *response* to *request* possible: who is registered, and whether this page is in the room. */
  #prepare(request, response) {
    if (isDone(response, 1)) this.#unregister(request.username);
    if (response.code === "name_taken") this.#register(request.username);
    if (response.code === "unknown_recipient") for (const name of response.unknown) this.#unregister(name);
    if (isDone(response, 3) || response.code === "unknown_recipient") {
      const unknown = new Set(response.unknown);
      for (const name of request.clients) if (!unknown.has(name)) this.#register(name);
    }
    const room = response.room ?? request?.room;
    if (this.#rooms.has(room) && (isDone(response, 5) || NOT_IN_ROOM.includes(response.code))) this.#leaveRoom(room);
  }

  /** Update the state of this page after *response*. */
  #update({ username }, response) {
    if (isDone(response, 1)) this.#names.add((this.#me = username));
    if (isDone(response, 2)) this.#me = null;
    if (isDone(response, 2)) this.#rooms.clear();
    if (isDone(response, 5)) this.#rooms.add(response.room);
    if (isDone(response, 6)) this.#rooms.delete(response.room);
  }

  #received({ value, request, isWhole }) {
    if (request ? CIRCUMSTANTIAL.has(value.code) : !this.#captures.isOwn(value.id)) return;
    this.#step({ expect: isWhole ? this.#expectable(value) : value });
    if (isDone(value, 3) && request) this.#expectDeliveries(request, value);
  }

  /** Each client that was addressed receives the message. */
  #expectDeliveries({ clients, content }, { id }) {
    this.#captures.beginFrame();
    const recipients = new Set(clients.map((name) => this.#others.get(name.toLowerCase())));
    for (const recipient of recipients) {
      const message = { type: 3, sender: escaped(this.#me), content: escaped(content), id: this.#captures.id(id) };
      if (recipient) this.#steps.push({ client: recipient.client, expect: message });
    }
  }

  #register(name) {
    if (name.toLowerCase() === this.#me?.toLowerCase()) return;
    const other = this.#others.get(name.toLowerCase()) ?? { client: this.#clientFor(name), isRegistered: false };
    this.#others.set(name.toLowerCase(), other);
    if (!other.isRegistered) this.#exchange(other.client, { type: 1, username: escaped(name) }, { type: 1, status: 200 });
    other.isRegistered = true;
  }

  #unregister(name) {
    const other = this.#others.get(name.toLowerCase());
    if (other?.isRegistered) this.#exchange(other.client, { type: 2 }, { type: 2, status: 200 });
    if (other) other.isRegistered = false;
  }

  /** The server removed this page from *room*; in the scenario the page leaves by itself. */
  #leaveRoom(room) {
    this.#steps.push({ "//": `here the server had removed ${this.#client} from the room` });
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
    const others = [this.#client, ...[...this.#others.values()].map(({ client }) => client)];
    return NAME.test(name) && !others.includes(name) ? name : `client-${others.length}`;
  }

  #sendable(request) {
    const isSince = (key, value) => key === "since" && request.type === 8 && value > 0;
    return mapped(request, (key, value) => (isSince(key, value) ? this.#captures.since(request) : escapedIn(value)));
  }

  #expectable(frame) {
    return mapped(frame, (key, value) => {
      if (key === "code" && NOT_IN_ROOM.includes(value)) return { $one_of: NOT_IN_ROOM };
      if (key === "error" && NOT_IN_ROOM.includes(frame.code)) return ANY_TEXT;
      if (key === "schema") return { $regex: `${value.split("/").at(-1).replace(".", "\\.")}$` };
      const own = frame.type === 3 || typeof value !== "object" ? undefined : OF_ALL[key];
      return own ? this.#ofAll(own(value, this.#me, this.#rooms), value) : this.#expectedValue(frame, key, value);
    });
  }

  /** Expect *own*, the items of this page in a list of all; without any, only the type of the list. */
  #ofAll(own, value) {
    if (value.constructor === Object) return own ?? { $type: "object" };
    const items = own.filter((item) => item?.id === undefined || this.#captures.reference(item.id));
    const expected = items.map((item) => (item.constructor === Object ? this.#expectable(item) : escapedIn(item)));
    return items.length ? { $contains: expected } : { $type: "array" };
  }

  #expectedValue(frame, key, value) {
    if (key === "id") return this.#captures.id(value);
    if (key === "seq") return this.#captures.seq(frame.room, value);
    if (key === "time") return ANY_TEXT;
    if (key === "members") return { $type: "integer" };
    return key === "complete" || key === "available" ? { $type: "boolean" } : escapedIn(value);
  }
}

/** The part of a list that belongs to this page, by the key of the list in the response. */
const OF_ALL = {
  clients: (clients, me) => clients.filter((name) => name === me),
  protocols: (protocols, me) => (me in protocols ? { [escaped(me)]: { $contains: ["chateau"] } } : null),
  members: (members, me) => members.filter((name) => name === me),
  rooms: (rooms, _, inside) => rooms.filter(({ room }) => inside.has(room)),
  messages: (messages) => messages,
};

/** Return whether *entry* can be played: it is complete, and has a response. */
function isKnown({ direction, isWhole, response, request }) {
  if (direction === "note") return true;
  return direction === "out" ? isWhole && response !== undefined : (request?.isWhole ?? true);
}

function frameOf({ direction, what, text, isWhole, response, request, type, status, ref }) {
  if (direction === "note") return { direction, what };
  const value = isWhole ? valueOf(text) : { type, status, ...(ref === undefined ? {} : { ref }) };
  return { direction, text, isWhole, value, response: response && valueOf(response.text), request: request && valueOf(request.text) };
}

function valueOf(text) {
  try {
    return read(text).value;
  } catch {
    return {}; // not JSON, or incomplete
  }
}

function isDone(response, type) {
  return response?.status === 200 && response.type === type && !("sender" in response);
}

/** Return whether *text* is an object that serializes to the same text, without keys that are special in a scenario. */
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

/** Return *text* escaped for a scenario, where `${` begins a variable. */
function escaped(text) {
  return text.replaceAll("${", () => "$${");
}

/** Return *scenario* as a file to be edited: a value that fits is on one line, and each step has a line. As to-scenario. */
function fileText(scenario) {
  return `${spread(scenario, 0, SPREAD)}\n`;
}

function formatted(value, indent, used) {
  const line = onOneLine(value);
  const isOne = used + line.length <= WIDTH || typeof value !== "object" || value === null;
  return isOne ? line : spread(value, indent);
}

function spread(value, indent, always = new Set()) {
  const inner = indent + 2;
  const blanks = " ".repeat(inner);
  const isList = Array.isArray(value);
  const items = isList
    ? value.map((item) => blanks + formatted(item, inner, inner + 1))
    : Object.entries(value).map(([key, item]) => blanks + member(key, item, inner, always.has(key)));
  const [begin, end] = isList ? "[]" : "{}";
  return [begin, items.join(",\n"), " ".repeat(indent) + end].join("\n");
}

function member(key, value, indent, isSpread) {
  const lead = `${JSON.stringify(key)}: `;
  return lead + (isSpread && Object.keys(value).length ? spread(value, indent) : formatted(value, indent, indent + lead.length + 1));
}

function onOneLine(value) {
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${onOneLine(item)}`).join(", ")}}`;
}
