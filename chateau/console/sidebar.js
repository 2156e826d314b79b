/** The lists of rooms and people on the left: members, unread messages, and the buttons to join and leave. */

import { keyOf } from "./conversation.js";
import { byId, element, enableArrowKeys, setTabStop } from "./dom.js";

export class Sidebar {
  #state;
  #hooks;
  #rooms = byId("rooms");
  #people = byId("people");
  #shown = { rooms: "", people: "" };

  /** *hooks*: room(name) and person(name), called for the entry chosen; left(conversation). */
  constructor(state, hooks) {
    this.#state = state;
    this.#hooks = hooks;
    enableArrowKeys(this.#rooms);
    enableArrowKeys(this.#people);
  }

  render() {
    this.#renderList("rooms", this.#rooms, this.#roomRows(), "No rooms yet. Enter a name above to create one.");
    this.#renderList("people", this.#people, this.#personRows(), "Nobody else is here yet.");
  }

  /** Render *list* again if its *rows* have changed; the focus stays at its row. */
  #renderList(which, list, rows, empty) {
    const looks = JSON.stringify(rows.map(({ conversation, ...row }) => [row, conversation?.unread]));
    if (looks === this.#shown[which]) return;
    this.#shown[which] = looks;
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.name : null;
    const entries = rows.map((row) => this.#entry(row));
    list.replaceChildren(...(rows.length ? entries : [element("li", { class: "muted" }, empty)]));
    const stops = [...list.querySelectorAll("li > .entry")];
    const stop = stops.find((each) => each.dataset.name === focused);
    stop?.focus();
    setTabStop(list, stop ?? stops[0]);
  }

  #roomRows() {
    const { rooms, joined, active } = this.#state;
    const listed = new Set(rooms.map(({ room }) => room));
    const unlisted = joined.filter(({ name }) => !listed.has(name));
    const all = [...rooms, ...unlisted.map(({ name, count }) => ({ room: name, members: count, available: true }))];
    return all.map(({ room, members, available }) => {
      const conversation = this.#state.conversations.get(keyOf("room", room));
      const isInside = conversation?.isInside ?? false;
      const count = isInside ? conversation.count : members;
      return {
        kind: "room",
        name: room,
        conversation,
        isInside,
        isActive: conversation !== undefined && conversation === active,
        text: available ? `${count}` : `${count}, not open`,
        description: `${count} ${count === 1 ? "member" : "members"}${available ? "" : ", closed or locked"}`,
      };
    });
  }

  #personRows() {
    const { people, protocols, conversations, active, name: me } = this.#state;
    const here = new Set(people);
    const talks = [...conversations.values()].filter(({ isRoom, name }) => !isRoom && !here.has(name));
    return [...people, ...talks.map(({ name }) => name)].map((name) => {
      const conversation = conversations.get(keyOf("person", name));
      const text = name === me ? "you" : here.has(name) ? "" : "offline";
      const isActive = conversation !== undefined && conversation === active;
      const protocol = Object.hasOwn(protocols, name) ? protocols[name].join(", ") : "";
      const description = [protocol && `using ${protocol}`, text].filter(Boolean).join(", ");
      return { kind: "person", name, conversation, isActive, isGone: !here.has(name), protocol, text, description };
    });
  }

  #entry(row) {
    const { kind, name, conversation, isActive, isInside, isGone, protocol = "", text, description } = row;
    const classes = ["entry", isInside && "inside", isGone && "gone"].filter(Boolean).join(" ");
    const unread = conversation?.unread ?? 0;
    const label = [name, unread ? `${unread} unread` : "", description].filter(Boolean).join(", ");
    const button = element("button", { type: "button", class: classes, "aria-label": label, title: name, tabindex: "-1" });
    button.dataset.name = name;
    if (isActive) button.setAttribute("aria-current", "true");
    button.append(element("span", { class: "name" }, name));
    button.append(element("span", { class: "protocol" }, protocol));
    if (unread) button.append(element("span", { class: "unread" }, `${unread}`));
    button.append(element("span", { class: "count" }, text));
    button.addEventListener("click", () => this.#hooks[kind](name));
    return element("li", {}, button, ...(isInside ? [this.#leaveButton(conversation)] : []));
  }

  #leaveButton(conversation) {
    const label = `Leave ${conversation.name}`;
    const button = element("button", { type: "button", class: "quiet", "aria-label": label }, "Leave");
    button.addEventListener("click", () => this.#hooks.left(conversation));
    return button;
  }
}
