/** The live sessions, and what a keeper does with one: tap it, kick it, ban its address. */

import { failureOf } from "./admin.js";
import { byId, say } from "./dom.js";
import { Table } from "./keeper_table.js";

const ROOMS_NAMED = 3;
const ASK_MS = 5_000; // for all, where a filter looks for those that are not among the busiest
const SETTLE_MS = 300; // somebody may still be typing
const ALL = 10_000;

const COLUMNS = [
  { label: "User", text: ({ name }) => name },
  { label: "Id", text: ({ id }) => `#${id}` },
  { label: "Protocol", text: ({ protocol }) => protocol },
  { label: "Address", text: endpoint },
  { label: "Rooms", text: ({ rooms }) => named(rooms), value: ({ rooms }) => rooms.length, looks: "names" },
  { label: "Messages/s", text: ({ rate }) => (rate === null ? "–" : rate.toFixed(1)), value: ({ rate }) => rate ?? -1, looks: "figure" },
  { label: "Outbox", text: ({ outbox_bytes: size }) => inBytes(size), value: ({ outbox_bytes: size }) => size, looks: "figure" },
  { label: "Marks", text: marks, looks: "mark" },
];

export class Sessions {
  #admin;
  #table;
  #all = null; // {sessions, total} of another answer than the stream's, while a filter needs it
  #latest = { sessions: [], total: 0 };
  #timer = null;

  /** *tap*: {isOn(id), toggle(session)}. */
  constructor(admin, tap, bans) {
    this.#admin = admin;
    const kick = (session, row) => row.ask(this.#kicking(session));
    const ban = (session, row) => row.ask(this.#banning(session, bans));
    this.#table = new Table("sessions", {
      what: { one: "session", many: "sessions", order: "the busiest" },
      columns: COLUMNS,
      actions: [
        { label: "Tap", spoken: inWords, isPressed: ({ id }) => tap.isOn(id), press: (session) => tap.toggle(session) },
        { label: "Kick", spoken: inWords, press: kick },
        { label: "Ban address", spoken: ({ address, ...session }) => `${address} of ${inWords(session)}`, press: ban },
      ],
      filtered: () => this.#askAllSoon(SETTLE_MS),
    });
  }

  /** The stream has told who is here. */
  heard(latest) {
    this.#latest = latest;
    this.render();
  }

  render() {
    const { sessions, total } = this.#latest;
    const busiest = new Set(sessions.map(({ id }) => id));
    const others = this.#all ? this.#all.filter(({ id }) => !busiest.has(id)) : [];
    this.#table.update([...sessions, ...others].map((session) => ({ ...session, key: session.id })), Math.max(total, sessions.length + others.length));
  }

  clear() {
    clearTimeout(this.#timer);
    this.#all = null;
    this.#latest = { sessions: [], total: 0 };
    this.#table.clear();
  }

  /** Go back to *session*'s button for taps. */
  focus({ id }) {
    this.#table.focus(id, 0);
  }

  #askAllSoon(pauseMs) {
    clearTimeout(this.#timer);
    const { sessions, total } = this.#latest;
    const isNeeded = this.#table.wanted !== "" && sessions.length < total;
    if (isNeeded) this.#timer = setTimeout(() => this.#askAll(), pauseMs);
    else this.#all = null;
  }

  async #askAll() {
    const error = await failureOf(async () => {
      const { sessions } = await this.#admin.get(`sessions?limit=${ALL}`);
      this.#all = sessions;
    });
    if (!error) this.render();
    this.#askAllSoon(ASK_MS);
  }

  #kicking(session) {
    return {
      sentence: `Kick ${inWords(session)}? It is told why, and its connection is closed.`,
      field: { label: "Reason (may stay empty)" },
      verb: "Kick",
      act: async (reason) => {
        await this.#admin.post("kick", { session: session.id, ...(reason.trim() && { reason: reason.trim() }) });
        say(byId("sessions-said"), `${inWords(session)} was kicked.`);
      },
    };
  }

  #banning({ address }, bans) {
    const shared = this.#latest.sessions.filter((each) => each.address === address).length;
    return {
      sentence: `Ban ${address}? Nobody gets in from there any more; ${shared} of the sessions shown come from it.`,
      field: { label: "Address or range", value: address, required: "" },
      verb: "Ban",
      act: (addresses) => bans.ban(addresses),
    };
  }
}

/** How *session* is called aloud. */
export function inWords({ id, username }) {
  return username === null ? `#${id}` : `${username} (#${id})`;
}

function endpoint({ address, port }) {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function named(rooms) {
  const first = rooms.slice(0, ROOMS_NAMED).join(", ");
  return rooms.length > ROOMS_NAMED ? `${first} and ${rooms.length - ROOMS_NAMED} more` : first;
}

function marks({ banned, tapped }) {
  return [banned && "banned", tapped && "tapped"].filter(Boolean).join(", ");
}

export function inBytes(size) {
  return size < 10_000 ? `${size} B` : `${(size / 1024).toFixed(1)} KiB`;
}
