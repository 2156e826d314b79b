/** The table of rooms, with the actions open, close, lock, delete, ban and unban. */

import { byId, setText } from "./dom.js";
import { Table } from "./admin_table.js";

const COLUMNS = [
  { label: "Room", text: ({ room }) => room },
  { label: "Members", text: ({ members }) => `${members}`, value: ({ members }) => members, className: "figure" },
  { label: "Listeners", text: ({ listeners }) => `${listeners}`, value: ({ listeners }) => listeners, className: "figure" },
  { label: "State", text: state, className: "mark" },
  { label: "Banned users", text: ({ banned }) => banned.join(", "), value: ({ banned }) => banned.length, className: "names" },
];

export class Rooms {
  #api;
  #table;

  constructor(api) {
    this.#api = api;
    const target = ({ room }) => room;
    const ask = (form) => (item, row) => row.ask(form.call(this, item));
    this.#table = new Table("rooms", {
      what: { one: "room", many: "rooms", order: "" },
      columns: COLUMNS,
      actions: [
        { label: "Open", target, isInert: isOpen, press: (item, row) => row.attempt(() => this.#open(item)) },
        { label: "Close", target, isInert: ({ closed }) => closed, press: (item, row) => row.attempt(() => this.#close(item)) },
        { label: "Lock", target, press: ask(this.#lockForm) },
        { label: "Delete", target, press: ask(this.#deleteForm) },
        { label: "Ban user", target: ({ room }) => `from ${room}`, press: ask(this.#banForm) },
        { label: "Unban user", target: ({ room }) => `from ${room}`, isInert: ({ banned }) => !banned.length, press: ask(this.#unbanForm) },
      ],
    });
  }

  /** Take in the rooms that the live stream sent. */
  receive({ rooms }) {
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

  #lockForm({ room }) {
    return {
      sentence: `Lock ${room}? New members then need the password. “Open” unlocks the room.`,
      field: { label: "Password", required: "", spellcheck: "false", autocapitalize: "off" },
      verb: "Lock",
      action: (password) => this.#post("lock-room", { room, password }, `${room} is locked.`),
    };
  }

  #deleteForm({ room, members }) {
    return {
      sentence: `Delete ${room}? ${members === 1 ? "Its only member is" : `All ${members} members are`} removed, and its history is deleted.`,
      verb: "Delete permanently",
      action: () => this.#post("delete-room", { room }, `${room} was deleted.`),
    };
  }

  #banForm({ room }) {
    return {
      sentence: `Ban a user from ${room}? The user is removed and cannot rejoin.`,
      field: { label: "Username", required: "", spellcheck: "false", autocapitalize: "off" },
      verb: "Ban",
      action: (username) => this.#post("ban-from-room", { room, username: username.trim() }, `${username.trim()} is banned from ${room}.`),
    };
  }

  #unbanForm({ room, banned }) {
    return {
      sentence: `Unban a user from ${room}?`,
      field: { label: "Username", options: banned },
      verb: "Unban",
      action: (username) => this.#post("unban-from-room", { room, username }, `${username} is no longer banned from ${room}.`),
    };
  }

  async #post(name, fields, done) {
    await this.#api.post(name, fields);
    setText(byId("rooms-status"), done);
  }
}

function isOpen({ closed, locked }) {
  return !closed && !locked;
}

function state({ closed, locked }) {
  return [closed && "closed", locked && "locked"].filter(Boolean).join(", ") || "open";
}
