/**
 * The chat as this page knows it: users, rooms and conversations, and the actions of this page's user.
 *
 * It uses the chateau protocol (docs/protocols/chateau.md) over a Connection, and does not depend on the views.
 */

import { Conversation, keyOf } from "./conversation.js";
import { ErrorResponse } from "./connection.js";

const TYPE = { shutdown: 0, register: 1, unregister: 2, message: 3, list: 4, join: 5, leave: 6, publish: 7, history: 8, rooms: 9 };
const REFRESH_MS = 5_000; // no push reports users who register
const SETTLE_MS = 300; // several users may join and leave at once
const OUTSIDE = new Set(["not_in_room", "unknown_room"]);
const PAGE = 500; // messages of history in one response
const NAME_ATTEMPTS = 8; // the server may still hold the name for the connection that was lost
const NAME_PAUSE_MS = 1000;

export class ChatState {
  name = null;
  people = [];
  protocols = {}; // of each user, by name
  rooms = []; // {room, members, available}
  conversations = new Map(); // by key
  active = null;
  #connection;
  #changed;
  #refreshTimer = null;
  #connectionNumber = 0; // so that work for an earlier connection stops

  constructor(connection, changed) {
    this.#connection = connection;
    this.#changed = changed;
    setInterval(() => {
      connection.check();
      if (!document.hidden) this.#refresh({ routine: true });
    }, REFRESH_MS);
  }

  get joined() {
    return [...this.conversations.values()].filter((each) => each.isInside);
  }

  get unread() {
    return [...this.conversations.values()].reduce((sum, each) => sum + each.unread, 0);
  }

  /** Register *name*. */
  async register(name) {
    await this.#connection.request(TYPE.register, { username: name });
    this.name = name;
    this.#changed();
    await this.#refresh();
  }

  /** Release the name; the server takes this page out of every room. */
  async unregister() {
    await this.#connection.request(TYPE.unregister);
    this.#reset();
  }

  /** After a reconnect: register the name again, rejoin the rooms, and load the messages that were missed. */
  async resume() {
    const number = ++this.#connectionNumber;
    if (this.name === null || !(await this.#reclaimName(number))) return;
    await Promise.all(this.joined.map((room) => this.#rejoin(room)));
    await this.#refresh();
  }

  /** Note in every conversation that the connection is lost. */
  disconnected() {
    this.#connectionNumber++;
    for (const each of this.conversations.values()) {
      if (this.name !== null) each.note("The connection was lost here.");
      each.disconnected();
    }
    this.#changed();
  }

  async join(name, password) {
    const known = this.conversations.get(keyOf("room", name));
    if (known?.isInside) return this.choose(known);
    const request = password ? { room: name, password } : { room: name };
    const conversation = this.#joined(await this.#connection.request(TYPE.join, request), password);
    this.choose(conversation);
    await this.#loadMissed(conversation);
    this.#refreshSoon();
  }

  async leave(conversation) {
    try {
      await this.#connection.request(TYPE.leave, { room: conversation.name });
    } catch (error) {
      if (!OUTSIDE.has(error.code)) throw error; // deleted, or banned from it: no push reports the removal
    }
    this.#drop(conversation);
    this.#refreshSoon();
  }

  talkTo(person) {
    this.choose(this.#conversation("person", person));
  }

  choose(conversation) {
    this.active = conversation;
    conversation.unread = 0;
    this.#changed();
  }

  /** Send *content* to *conversation*. */
  async send(conversation, content) {
    if (conversation.isRoom) return this.#publish(conversation, content);
    const { id, time } = await this.#connection.request(TYPE.message, { clients: [conversation.name], content });
    conversation.add({ id, time, content, sender: this.name, mine: true });
    this.#changed();
  }

  /** Publish *content* to the room; this page receives it back as a push. */
  async #publish(conversation, content) {
    try {
      await this.#connection.request(TYPE.publish, { room: conversation.name, content });
    } catch (error) {
      if (OUTSIDE.has(error.code)) this.#wasRemoved(conversation); // deleted, or banned from it
      throw error;
    }
  }

  /** Apply the effect of *request*, written by hand, that had the successful *response*. */
  apply(request, response) {
    EFFECTS[response.type]?.(this, request, response);
    this.#changed();
  }

  onRegister(name) {
    this.name = name;
    this.#refreshSoon();
  }

  async onMessage({ clients, content }, { id, time }) {
    await this.#refresh({ routine: true }); // names are shown as registered, not as they were addressed
    const others = clients.map((client) => this.people.find((each) => isSame(each, client)) ?? client);
    for (const name of new Set(others)) {
      if (name === this.name) continue; // it arrives as a push
      const rest = others.filter((each) => each !== name && each !== this.name);
      this.#conversation("person", name).add({ id, time, content, sender: this.name, mine: true, others: rest });
    }
    this.#changed();
  }

  async onJoin({ password }, response) {
    const conversation = this.#joined(response, password);
    if (this.active === null) this.choose(conversation);
    this.#refreshSoon();
    await this.#loadMissed(conversation).catch(() => {}); // disconnected or removed again, which is reported elsewhere
  }

  onLeave({ room }) {
    const conversation = this.conversations.get(keyOf("room", room));
    if (conversation) this.#drop(conversation);
    this.#refreshSoon();
  }

  onUnregister() {
    this.#reset();
  }

  /** Take in a push. */
  receive(frame) {
    if (frame.type === TYPE.message) this.#receiveDirect(frame);
    else if (frame.type === TYPE.publish) this.#receivePublication(frame);
    else if (frame.room !== undefined) this.#receiveRoomEvent(frame);
    this.#changed();
  }

  #receiveDirect({ sender, clients, content, id, time }) {
    const isMine = sender === this.name;
    const conversation = this.#conversation("person", sender);
    const others = clients.filter((each) => each !== this.name && each !== sender);
    const isNew = conversation.add({ sender, content, id, time, mine: isMine, others });
    if (isNew && !isMine) this.#countUnread(conversation);
  }

  #receivePublication({ sender, room, content, seq, id, time }) {
    const conversation = this.conversations.get(keyOf("room", room));
    const mine = sender === this.name;
    if (conversation?.add({ sender, content, seq, id, time, mine }) && !mine) this.#countUnread(conversation);
  }

  #receiveRoomEvent(frame) {
    const conversation = this.conversations.get(keyOf("room", frame.room));
    if (!conversation) return;
    if (frame.event === "members") conversation.count = frame.count;
    if (frame.event === "state") conversation.note(stateInWords(frame));
    if (frame.event === "joined" || frame.event === "left") this.#receiveMemberEvent(conversation, frame);
    this.#refreshSoon();
  }

  #receiveMemberEvent(conversation, { event, username }) {
    const isJoin = event === "joined";
    if (isJoin) conversation.members.add(username);
    else conversation.members.delete(username);
    conversation.count = conversation.members.size;
    conversation.note(`${username} ${isJoin ? "joined" : "left"}.`);
  }

  #countUnread(conversation) {
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

  /** Return the conversation of a room that this page has joined, with what the response contains. */
  #joined({ room, members }, password) {
    const conversation = this.#conversation("room", room);
    conversation.isInside = true;
    conversation.password = password;
    this.#setMembers(conversation, members);
    return conversation;
  }

  /** This page is no longer in the room; its messages stay. */
  #wasRemoved(conversation) {
    conversation.isInside = false;
    conversation.disconnected();
    conversation.members.delete(this.name);
    this.#refreshSoon();
  }

  #reset() {
    this.name = this.active = null;
    this.people = this.rooms = [];
    this.protocols = {};
    this.conversations.clear();
    this.#changed();
  }

  #setMembers(conversation, members) {
    conversation.members = new Set(members);
    conversation.count = members.length;
  }

  async #reclaimName(number) {
    for (let attempt = 1; number === this.#connectionNumber; attempt++) {
      try {
        await this.#connection.request(TYPE.register, { username: this.name });
        return true;
      } catch (error) {
        if (!(error instanceof ErrorResponse)) return false; // a reconnect starts this again
        if (error.code !== "name_taken" || attempt === NAME_ATTEMPTS) {
          this.#reset();
          throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, NAME_PAUSE_MS));
      }
    }
    return false;
  }

  async #rejoin(conversation) {
    const { name, password } = conversation;
    try {
      const request = password ? { room: name, password } : { room: name };
      this.#setMembers(conversation, (await this.#connection.request(TYPE.join, request)).members);
      await this.#loadMissed(conversation);
    } catch (error) {
      if (!(error instanceof ErrorResponse)) return;
      conversation.error = error.message;
      this.#wasRemoved(conversation);
    }
    this.#changed();
  }

  /** Load the messages since the last one seen; at first, only the newest. */
  async #loadMissed(conversation) {
    const room = conversation.name;
    let since = conversation.seen;
    const isFirst = since === null;
    for (;;) {
      const request = isFirst ? { room } : { room, since, limit: PAGE };
      const { messages, complete } = await this.#connection.request(TYPE.history, request);
      for (const message of messages) this.#add(conversation, message, isFirst);
      if (isFirst || complete || messages.length === 0) break;
      since = messages.at(-1).seq;
      conversation.caughtUpTo(since);
    }
    conversation.setComplete();
    this.#changed();
  }

  #add(conversation, message, isFirst) {
    const mine = message.sender === this.name;
    if (conversation.add({ ...message, mine }) && !isFirst && !mine) this.#countUnread(conversation);
  }

  #refreshSoon() {
    this.#refreshTimer ??= setTimeout(() => this.#refresh({ routine: true }), SETTLE_MS);
  }

  /** Load the lists of users and rooms. */
  async #refresh(how) {
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = null;
    if (this.name === null || !this.#connection.isOpen) return;
    try {
      const requests = [this.#connection.request(TYPE.list, { protocols: true }, how), this.#connection.request(TYPE.rooms, {}, how)];
      const [{ clients, protocols = {} }, { rooms }] = await Promise.all(requests);
      this.people = clients;
      this.protocols = protocols;
      this.rooms = rooms;
      this.#changed();
    } catch {
      // disconnected or rate limited: the next refresh follows
    }
  }
}

/** The effect of a request written by hand, by its type. */
const EFFECTS = {
  [TYPE.register]: (state, { username }) => state.onRegister(username),
  [TYPE.unregister]: (state) => state.onUnregister(),
  [TYPE.message]: (state, request, response) => state.onMessage(request, response),
  [TYPE.join]: (state, request, response) => state.onJoin(request, response),
  [TYPE.leave]: (state, request, response) => state.onLeave(response),
};

function isSame(one, other) {
  return one.toLowerCase() === other.toLowerCase();
}

function stateInWords({ available, reason }) {
  return available ? "The room is open." : (reason ?? "The room is closed or locked.");
}
