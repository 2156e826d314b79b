/**
 * A conversation: what was said in a room, or with a person, as far as this page has heard it.
 *
 * A room's messages stand in the order of their seq, each once, whichever way they came.
 */

const KEPT = 500;

export class Conversation {
  items = []; // messages and notes, oldest first; replaced, not changed, when something comes in between
  unread = 0;
  draft = "";
  refused = "";
  isInside = false; // a room: whether this page is in it
  count = 0; // of members
  members = new Set();
  password; // of a locked room, to come back in
  #seen = null; // the last seq up to which nothing is missing
  #isCurrent = false; // whether what comes now follows what is here
  #ids = new Set();
  #lastId = ""; // ids are sorted by time
  #before = 0; // what is added to a seq, for a house that forgot its rooms when it was started anew

  constructor(kind, name) {
    this.kind = kind;
    this.name = name;
    this.key = keyOf(kind, name);
  }

  get isRoom() {
    return this.kind === "room";
  }

  /** The seq to ask for what came after; null where nothing is known yet. */
  get seen() {
    return this.#seen;
  }

  /** Take *message* in; false where it is here already. */
  add(message) {
    if (this.#ids.has(message.id)) return false;
    if (message.seq <= this.#seen && message.id > this.#lastId) this.#countAnew();
    this.#ids.add(message.id);
    if (message.id > this.#lastId) this.#lastId = message.id;
    const order = message.seq === undefined ? this.#lastOrder() : this.#before + message.seq;
    this.#insert({ ...message, order });
    if (this.#isCurrent && message.seq > this.#seen) this.#seen = message.seq;
    return true;
  }

  /** Put *sentence* where the conversation is now. */
  note(sentence) {
    this.#insert({ note: sentence, time: new Date().toISOString(), order: this.#lastOrder() });
  }

  /** The history up to *seq* was taken in. */
  caughtUpTo(seq) {
    this.#seen = Math.max(this.#seen ?? 0, seq);
  }

  /** Nothing is missing any more: from now on what comes follows what is here. */
  isWhole() {
    this.#isCurrent = true;
    this.#seen = Math.max(this.#seen ?? 0, this.#lastOrder() - this.#before);
  }

  /** The connection was lost. */
  isCutOff() {
    this.#isCurrent = false;
  }

  /** A later message has a lower seq: the house has begun to count anew. */
  #countAnew() {
    this.#before = this.#lastOrder();
    this.#seen = 0;
  }

  #lastOrder() {
    return this.items.at(-1)?.order ?? 0;
  }

  #insert(item) {
    let place = this.items.length;
    while (place > 0 && this.items[place - 1].order > item.order) place--;
    if (place < this.items.length) this.items = this.items.toSpliced(place, 0, item);
    else this.items.push(item);
    while (this.items.length > KEPT) this.#ids.delete(this.items.shift().id);
  }
}

export function keyOf(kind, name) {
  return `${kind} ${name}`;
}
