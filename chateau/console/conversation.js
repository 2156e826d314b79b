/**
 * A conversation: the messages of a room, or with a person, that this page has received.
 *
 * A room's messages are in the order of their seq, each once, whether they came as pushes or from the history.
 */

const MAX_ENTRIES = 500;

export class Conversation {
  items = []; // messages and notes, oldest first; replaced, not changed, when an item is inserted
  unread = 0;
  draft = "";
  error = "";
  isInside = false; // a room: whether this page is in it
  count = 0; // of members
  members = new Set();
  password; // of a locked room, to rejoin
  #seen = null; // nothing is missing up to this seq
  #isCurrent = false; // whether the next push follows the last item
  #ids = new Set();
  #lastId = ""; // ids are sorted by time
  #offset = 0; // added to each seq, after a server has restarted without its rooms

  constructor(kind, name) {
    this.kind = kind;
    this.name = name;
    this.key = keyOf(kind, name);
  }

  get isRoom() {
    return this.kind === "room";
  }

  /** The seq to load later messages from; null where none is known yet. */
  get seen() {
    return this.#seen;
  }

  /** Add *message*; return false for one that is already present. */
  add(message) {
    if (this.#ids.has(message.id)) return false;
    if (message.seq <= this.#seen && message.id > this.#lastId) this.#restartSeq();
    this.#ids.add(message.id);
    if (message.id > this.#lastId) this.#lastId = message.id;
    const order = message.seq === undefined ? this.#lastOrder() : this.#offset + message.seq;
    this.#insert({ ...message, order });
    if (this.#isCurrent && message.seq > this.#seen) this.#seen = message.seq;
    return true;
  }

  /** Append *sentence* as a note. */
  note(sentence) {
    this.#insert({ note: sentence, time: new Date().toISOString(), order: this.#lastOrder() });
  }

  /** Record that the history up to *seq* is loaded. */
  caughtUpTo(seq) {
    this.#seen = Math.max(this.#seen ?? 0, seq);
  }

  /** Record that nothing is missing: from now on each push follows the last item. */
  setComplete() {
    this.#isCurrent = true;
    this.#seen = Math.max(this.#seen ?? 0, this.#lastOrder() - this.#offset);
  }

  /** Record that pushes may now be missed. */
  disconnected() {
    this.#isCurrent = false;
  }

  /** Continue the order after a later message with a lower seq: the server has restarted its count. */
  #restartSeq() {
    this.#offset = this.#lastOrder();
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
    while (this.items.length > MAX_ENTRIES) this.#ids.delete(this.items.shift().id);
  }
}

export function keyOf(kind, name) {
  return `${kind} ${name}`;
}
