/**
 * The house as this page knows it: who is here, which rooms there are, what was said; and what one can do in it.
 *
 * It speaks the chateau protocol (docs/protocols/chateau.md) over a Wire, and knows nothing of how it is shown.
 */

import { Conversation, keyOf } from "./conversation.js";
import { Refusal } from "./wire.js";

const TYPE = { shutdown: 0, register: 1, unregister: 2, message: 3, list: 4, join: 5, leave: 6, publish: 7, history: 8, rooms: 9 };
const ASK_AGAIN_MS = 5_000; // no push tells who comes into the house
const SETTLE_MS = 300; // many may come and go at once
const OUTSIDE = new Set(["not_in_room", "unknown_room"]);
const PAGE = 500; // messages of history in one answer
const TAKEN_PATIENCE = 8; // times; a server may hold on for a while to a connection that is gone
const TAKEN_PAUSE_MS = 1000;

export class House {
  name = null;
  people = [];
  protocols = {}; // by which each of them is here, by name
  rooms = []; // {room, members, available}
  conversations = new Map(); // by key
  active = null;
  #wire;
  #changed;
  #asking = null;
  #visit = 0; // counts connections, so that what belongs to an older one stops

  constructor(wire, changed) {
    this.#wire = wire;
    this.#changed = changed;
    setInterval(() => {
      wire.check();
      if (!document.hidden) this.#look({ routine: true });
    }, ASK_AGAIN_MS);
  }

  get joined() {
    return [...this.conversations.values()].filter((each) => each.isInside);
  }

  get unread() {
    return [...this.conversations.values()].reduce((sum, each) => sum + each.unread, 0);
  }

  /** Take *name* in the house. */
  async enter(name) {
    await this.#wire.request(TYPE.register, { username: name });
    this.name = name;
    this.#changed();
    await this.#look();
  }

  /** Give the name back; every room is left. */
  async goOut() {
    await this.#wire.request(TYPE.unregister);
    this.#forget();
  }

  /** After a new connection: take the name again, go back into the rooms, ask for what was missed. */
  async comeBack() {
    const visit = ++this.#visit;
    if (this.name === null || !(await this.#takeNameAgain(visit))) return;
    await Promise.all(this.joined.map((room) => this.#goBack(room)));
    await this.#look();
  }

  /** The connection is gone; what is here stays. */
  cutOff() {
    this.#visit++;
    for (const each of this.conversations.values()) {
      if (this.name !== null) each.note("The connection was lost here.");
      each.isCutOff();
    }
    this.#changed();
  }

  async join(name, password) {
    const known = this.conversations.get(keyOf("room", name));
    if (known?.isInside) return this.choose(known);
    const asked = password ? { room: name, password } : { room: name };
    const conversation = this.#isInside(await this.#wire.request(TYPE.join, asked), password);
    this.choose(conversation);
    await this.#catchUp(conversation);
    this.#lookSoon();
  }

  async leave(conversation) {
    try {
      await this.#wire.request(TYPE.leave, { room: conversation.name });
    } catch (error) {
      if (!OUTSIDE.has(error.code)) throw error; // deleted, or banned from it: no push says that one is out
    }
    this.#drop(conversation);
    this.#lookSoon();
  }

  talkTo(person) {
    this.choose(this.#conversation("person", person));
  }

  choose(conversation) {
    this.active = conversation;
    conversation.unread = 0;
    this.#changed();
  }

  /** Say *content* in *conversation*. */
  async speak(conversation, content) {
    if (conversation.isRoom) return this.#publish(conversation, content);
    const { id, time } = await this.#wire.request(TYPE.message, { clients: [conversation.name], content });
    conversation.add({ id, time, content, sender: this.name, mine: true });
    this.#changed();
  }

  /** The room hears it, this page too. */
  async #publish(conversation, content) {
    try {
      await this.#wire.request(TYPE.publish, { room: conversation.name, content });
    } catch (error) {
      if (OUTSIDE.has(error.code)) this.#isOutside(conversation); // deleted, or banned from it
      throw error;
    }
  }

  /** What the page did not ask by itself was done: *request*, written by hand, had this *answer*. */
  learn(request, answer) {
    LEARNT[answer.type]?.(this, request, answer);
    this.#changed();
  }

  hasName(name) {
    this.name = name;
    this.#lookSoon();
  }

  async wasSaid({ clients, content }, { id, time }) {
    await this.#look({ routine: true }); // they are shown as they registered, not as they were written to
    const others = clients.map((client) => this.people.find((each) => isSame(each, client)) ?? client);
    for (const name of new Set(others)) {
      if (name === this.name) continue; // it comes back as a push
      const rest = others.filter((each) => each !== name && each !== this.name);
      this.#conversation("person", name).add({ id, time, content, sender: this.name, mine: true, others: rest });
    }
    this.#changed();
  }

  async hasJoined({ password }, answer) {
    const conversation = this.#isInside(answer, password);
    if (this.active === null) this.choose(conversation);
    this.#lookSoon();
    await this.#catchUp(conversation).catch(() => {}); // it is cut off or put out again, and will be told so
  }

  hasLeft({ room }) {
    const conversation = this.conversations.get(keyOf("room", room));
    if (conversation) this.#drop(conversation);
    this.#lookSoon();
  }

  hasGone() {
    this.#forget();
  }

  /** What the server says unasked. */
  hear(frame) {
    if (frame.type === TYPE.message) this.#hearDirect(frame);
    else if (frame.type === TYPE.publish) this.#hearInRoom(frame);
    else if (frame.room !== undefined) this.#hearOfRoom(frame);
    this.#changed();
  }

  #hearDirect({ sender, clients, content, id, time }) {
    const isMine = sender === this.name;
    const conversation = this.#conversation("person", sender);
    const others = clients.filter((each) => each !== this.name && each !== sender);
    const isNew = conversation.add({ sender, content, id, time, mine: isMine, others });
    if (isNew && !isMine) this.#wasHeard(conversation);
  }

  #hearInRoom({ sender, room, content, seq, id, time }) {
    const conversation = this.conversations.get(keyOf("room", room));
    const mine = sender === this.name;
    if (conversation?.add({ sender, content, seq, id, time, mine }) && !mine) this.#wasHeard(conversation);
  }

  #hearOfRoom(frame) {
    const conversation = this.conversations.get(keyOf("room", frame.room));
    if (!conversation) return;
    if (frame.event === "members") conversation.count = frame.count;
    if (frame.event === "state") conversation.note(stateInWords(frame));
    if (frame.event === "joined" || frame.event === "left") this.#hearOfMember(conversation, frame);
    this.#lookSoon();
  }

  #hearOfMember(conversation, { event, username }) {
    const hasCome = event === "joined";
    if (hasCome) conversation.members.add(username);
    else conversation.members.delete(username);
    conversation.count = conversation.members.size;
    conversation.note(`${username} ${hasCome ? "came in" : "left"}.`);
  }

  #wasHeard(conversation) {
    if (conversation !== this.active || document.hidden) conversation.unread++;
  }

  #conversation(kind, name) {
    const key = keyOf(kind, name);
    if (!this.conversations.has(key)) this.conversations.set(key, new Conversation(kind, name));
    return this.conversations.get(key);
  }

  #drop(conversation) {
    this.conversations.delete(conversation.key);
    if (this.active === conversation) this.active = this.joined.at(-1) ?? null;
    this.#changed();
  }

  /** This page came in, as *answer* says. */
  #isInside({ room, members }, password) {
    const conversation = this.#conversation("room", room);
    conversation.isInside = true;
    conversation.password = password;
    this.#hasMembers(conversation, members);
    return conversation;
  }

  /** This page is not in the room any more; what was said there stays. */
  #isOutside(conversation) {
    conversation.isInside = false;
    conversation.isCutOff();
    conversation.members.delete(this.name);
    this.#lookSoon();
  }

  #forget() {
    this.name = this.active = null;
    this.people = this.rooms = [];
    this.protocols = {};
    this.conversations.clear();
    this.#changed();
  }

  #hasMembers(conversation, members) {
    conversation.members = new Set(members);
    conversation.count = members.length;
  }

  async #takeNameAgain(visit) {
    for (let attempt = 1; visit === this.#visit; attempt++) {
      try {
        await this.#wire.request(TYPE.register, { username: this.name });
        return true;
      } catch (error) {
        if (!(error instanceof Refusal)) return false; // the wire comes back, and this with it
        if (error.code !== "name_taken" || attempt === TAKEN_PATIENCE) {
          this.#forget();
          throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, TAKEN_PAUSE_MS));
      }
    }
    return false;
  }

  async #goBack(conversation) {
    const { name, password } = conversation;
    try {
      const asked = password ? { room: name, password } : { room: name };
      this.#hasMembers(conversation, (await this.#wire.request(TYPE.join, asked)).members);
      await this.#catchUp(conversation);
    } catch (error) {
      if (!(error instanceof Refusal)) return;
      conversation.refused = error.message;
      this.#isOutside(conversation);
    }
    this.#changed();
  }

  /** Ask for what was said: all since the last that was seen, or, at first, the last of it. */
  async #catchUp(conversation) {
    const room = conversation.name;
    let since = conversation.seen;
    const isFirst = since === null;
    for (;;) {
      const asked = isFirst ? { room } : { room, since, limit: PAGE };
      const { messages, complete } = await this.#wire.request(TYPE.history, asked);
      for (const message of messages) this.#remember(conversation, message, isFirst);
      if (isFirst || complete || messages.length === 0) break;
      since = messages.at(-1).seq;
      conversation.caughtUpTo(since);
    }
    conversation.isWhole();
    this.#changed();
  }

  #remember(conversation, message, isFirst) {
    const mine = message.sender === this.name;
    if (conversation.add({ ...message, mine }) && !isFirst && !mine) this.#wasHeard(conversation);
  }

  #lookSoon() {
    this.#asking ??= setTimeout(() => this.#look({ routine: true }), SETTLE_MS);
  }

  /** Ask who is here, and which rooms there are. */
  async #look(how) {
    clearTimeout(this.#asking);
    this.#asking = null;
    if (this.name === null || !this.#wire.isOpen) return;
    try {
      const asked = [this.#wire.request(TYPE.list, { protocols: true }, how), this.#wire.request(TYPE.rooms, {}, how)];
      const [{ clients, protocols = {} }, { rooms }] = await Promise.all(asked);
      this.people = clients;
      this.protocols = protocols;
      this.rooms = rooms;
      this.#changed();
    } catch {
      // the next time will tell: the connection is gone, or there was too much of everything
    }
  }
}

/** What a request that was written by hand has changed, by its type. */
const LEARNT = {
  [TYPE.register]: (house, { username }) => house.hasName(username),
  [TYPE.unregister]: (house) => house.hasGone(),
  [TYPE.message]: (house, request, answer) => house.wasSaid(request, answer),
  [TYPE.join]: (house, request, answer) => house.hasJoined(request, answer),
  [TYPE.leave]: (house, request, answer) => house.hasLeft(answer),
};

function isSame(one, other) {
  return one.toLowerCase() === other.toLowerCase();
}

function stateInWords({ available, reason }) {
  return available ? "The room is open." : (reason ?? "The room is closed or locked.");
}
