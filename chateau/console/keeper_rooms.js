/** The rooms, and what a keeper does with one: open, close, lock or delete it, ban a user from it. */

import { byId, say } from "./dom.js";
import { Table } from "./keeper_table.js";

const COLUMNS = [
  { label: "Room", text: ({ room }) => room },
  { label: "Members", text: ({ members }) => `${members}`, value: ({ members }) => members, looks: "figure" },
  { label: "Listeners", text: ({ listeners }) => `${listeners}`, value: ({ listeners }) => listeners, looks: "figure" },
  { label: "State", text: state, looks: "mark" },
  { label: "Banned users", text: ({ banned }) => banned.join(", "), value: ({ banned }) => banned.length, looks: "names" },
];

export class Rooms {
  #admin;
  #table;

  constructor(admin) {
    this.#admin = admin;
    const spoken = ({ room }) => room;
    const ask = (question) => (item, row) => row.ask(question.call(this, item));
    this.#table = new Table("rooms", {
      what: { one: "room", many: "rooms", order: "" },
      columns: COLUMNS,
      actions: [
        { label: "Open", spoken, isInert: isOpen, press: (item, row) => row.attempt(() => this.#open(item)) },
        { label: "Close", spoken, isInert: ({ closed }) => closed, press: (item, row) => row.attempt(() => this.#close(item)) },
        { label: "Lock", spoken, press: ask(this.#locking) },
        { label: "Delete", spoken, press: ask(this.#deleting) },
        { label: "Ban user", spoken: ({ room }) => `from ${room}`, press: ask(this.#banning) },
        { label: "Unban user", spoken: ({ room }) => `from ${room}`, isInert: ({ banned }) => !banned.length, press: ask(this.#unbanning) },
      ],
    });
  }

  /** The stream has told which rooms there are. */
  heard({ rooms }) {
    this.#table.update(rooms.map((room) => ({ ...room, key: room.room })));
  }

  clear() {
    this.#table.clear();
  }

  #open({ room }) {
    return this.#post("open-room", { room }, `${room} is open.`);
  }

  #close({ room }) {
    return this.#post("close-room", { room }, `${room} is closed.`);
  }

  #locking({ room }) {
    return {
      sentence: `Lock ${room}? Who comes in from now on needs the password. “Open” unlocks it.`,
      field: { label: "Password", required: "", spellcheck: "false", autocapitalize: "off" },
      verb: "Lock",
      act: (password) => this.#post("lock-room", { room, password }, `${room} is locked.`),
    };
  }

  #deleting({ room, members }) {
    return {
      sentence: `Delete ${room}? ${members === 1 ? "Its one member is" : `All ${members} members are`} sent out, and what was said in it is forgotten.`,
      verb: "Delete for good",
      act: () => this.#post("delete-room", { room }, `${room} was deleted.`),
    };
  }

  #banning({ room }) {
    return {
      sentence: `Ban a user from ${room}? The user is sent out and does not get in again.`,
      field: { label: "Username", required: "", spellcheck: "false", autocapitalize: "off" },
      verb: "Ban",
      act: (username) => this.#post("ban-from-room", { room, username: username.trim() }, `${username.trim()} is banned from ${room}.`),
    };
  }

  #unbanning({ room, banned }) {
    return {
      sentence: `Let a user into ${room} again?`,
      field: { label: "Username", options: banned },
      verb: "Unban",
      act: (username) => this.#post("unban-from-room", { room, username }, `${username} may come into ${room} again.`),
    };
  }

  async #post(name, fields, done) {
    await this.#admin.post(name, fields);
    say(byId("rooms-said"), done);
  }
}

function isOpen({ closed, locked }) {
  return !closed && !locked;
}

function state({ closed, locked }) {
  return [closed && "closed", locked && "locked"].filter(Boolean).join(", ") || "open";
}
