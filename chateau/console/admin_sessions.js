/** The table of live sessions, with the actions tap, kick and ban address. */

import { failureOf } from "./admin_api.js";
import { byId, setText } from "./dom.js";
import { formatBytes } from "./format.js";
import { Table } from "./admin_table.js";

const ROOMS_NAMED = 3;
const REFRESH_MS = 5_000; // of the list of all sessions, while a filter needs it
const SETTLE_MS = 300; // the user may still be typing
const ALL = 10_000;

const COLUMNS = [
  { label: "User", text: ({ name }) => name },
  { label: "Id", text: ({ id }) => `#${id}` },
  { label: "Protocol", text: ({ protocol }) => protocol },
  { label: "Address", text: endpoint },
  { label: "Rooms", text: ({ rooms }) => named(rooms), value: ({ rooms }) => rooms.length, className: "names" },
  { label: "Messages/s", text: ({ rate }) => (rate === null ? "–" : rate.toFixed(1)), value: ({ rate }) => rate ?? -1, className: "figure" },
  { label: "Outbox", text: ({ outbox_bytes: size }) => formatBytes(size), value: ({ outbox_bytes: size }) => size, className: "figure" },
  { label: "Marks", text: marks, className: "mark" },
];

export class Sessions {
  #api;
  #table;
  #all = null; // all sessions, while a filter needs more than the busiest ones of the stream
  #latest = { sessions: [], total: 0 };
  #timer = null;

  /** *tap*: {isOn(id), toggle(session)}. */
  constructor(api, tap, bans) {
    this.#api = api;
    const kick = (session, row) => row.ask(this.#kickForm(session));
    const ban = (session, row) => row.ask(this.#banForm(session, bans));
    this.#table = new Table("sessions", {
      what: { one: "session", many: "sessions", order: "the busiest" },
      columns: COLUMNS,
      actions: [
        { label: "Tap", target: labelOf, isPressed: ({ id }) => tap.isOn(id), press: (session) => tap.toggle(session) },
        { label: "Kick", target: labelOf, press: kick },
        { label: "Ban address", target: ({ address, ...session }) => `${address} of ${labelOf(session)}`, press: ban },
      ],
      filtered: () => this.#loadAllSoon(SETTLE_MS),
    });
  }

  /** Take in the sessions that the live stream sent. */
  receive(latest) {
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

  /** Focus the "Tap" button of *session*. */
  focus({ id }) {
    this.#table.focus(id, 0);
  }

  #loadAllSoon(pauseMs) {
    clearTimeout(this.#timer);
    const { sessions, total } = this.#latest;
    const isNeeded = this.#table.wanted !== "" && sessions.length < total;
    if (isNeeded) this.#timer = setTimeout(() => this.#loadAll(), pauseMs);
    else this.#all = null;
  }

  async #loadAll() {
    const error = await failureOf(async () => {
      const { sessions } = await this.#api.get(`sessions?limit=${ALL}`);
      this.#all = sessions;
    });
    if (!error) this.render();
    this.#loadAllSoon(REFRESH_MS);
  }

  #kickForm(session) {
    return {
      sentence: `Kick ${labelOf(session)}? The client is sent the reason, and its connection is closed.`,
      field: { label: "Reason (optional)" },
      verb: "Kick",
      action: async (reason) => {
        await this.#api.post("kick", { session: session.id, ...(reason.trim() && { reason: reason.trim() }) });
        setText(byId("sessions-status"), `${labelOf(session)} was kicked.`);
      },
    };
  }

  #banForm({ address }, bans) {
    const shared = this.#latest.sessions.filter((each) => each.address === address).length;
    return {
      sentence: `Ban ${address}? Clients from this address can no longer connect; ${shared} of the sessions shown use it.`,
      field: { label: "Address or range", value: address, required: "" },
      verb: "Ban",
      action: (addresses) => bans.ban(addresses),
    };
  }
}

/** Return the label of a session: its username and id. */
export function labelOf({ id, username }) {
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
