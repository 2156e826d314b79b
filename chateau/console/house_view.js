/** Rooms and people, at the left: what there is, how many are inside, what is unread; and the ways in and out. */

import { byId, element, keepOneStop, walkable } from "./dom.js";
import { keyOf } from "./conversation.js";

export class HouseView {
  #house;
  #hooks;
  #rooms = byId("rooms");
  #people = byId("people");
  #shown = { rooms: "", people: "" };

  /** *hooks*: room(name) and person(name), one was chosen; left(conversation). */
  constructor(house, hooks) {
    this.#house = house;
    this.#hooks = hooks;
    walkable(this.#rooms);
    walkable(this.#people);
  }

  render() {
    this.#renderList("rooms", this.#rooms, this.#roomRows(), "No room yet: name one above.");
    this.#renderList("people", this.#people, this.#personRows(), "Nobody else yet.");
  }

  /** Make *list* anew where its *rows* have changed; the focus stays at the row where it was. */
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
    keepOneStop(list, stop ?? stops[0]);
  }

  #roomRows() {
    const { rooms, joined, active } = this.#house;
    const listed = new Set(rooms.map(({ room }) => room));
    const unlisted = joined.filter(({ name }) => !listed.has(name));
    const all = [...rooms, ...unlisted.map(({ name, count }) => ({ room: name, members: count, available: true }))];
    return all.map(({ room, members, available }) => {
      const conversation = this.#house.conversations.get(keyOf("room", room));
      const isInside = conversation?.isInside ?? false;
      const count = isInside ? conversation.count : members;
      return {
        kind: "room",
        name: room,
        conversation,
        isInside,
        isActive: conversation !== undefined && conversation === active,
        text: available ? `${count}` : `${count}, not open`,
        spoken: `${count} inside${available ? "" : ", closed or locked"}`,
      };
    });
  }

  #personRows() {
    const { people, protocols, conversations, active, name: me } = this.#house;
    const here = new Set(people);
    const talks = [...conversations.values()].filter(({ isRoom, name }) => !isRoom && !here.has(name));
    return [...people, ...talks.map(({ name }) => name)].map((name) => {
      const conversation = conversations.get(keyOf("person", name));
      const text = name === me ? "you" : here.has(name) ? "" : "not here";
      const isActive = conversation !== undefined && conversation === active;
      const protocol = Object.hasOwn(protocols, name) ? protocols[name].join(", ") : "";
      const spoken = [protocol && `by ${protocol}`, text].filter(Boolean).join(", ");
      return { kind: "person", name, conversation, isActive, isGone: !here.has(name), protocol, text, spoken };
    });
  }

  #entry(row) {
    const { kind, name, conversation, isActive, isInside, isGone, protocol = "", text, spoken } = row;
    const classes = ["entry", isInside && "inside", isGone && "gone"].filter(Boolean).join(" ");
    const unread = conversation?.unread ?? 0;
    const label = [name, unread ? `${unread} unread` : "", spoken].filter(Boolean).join(", ");
    const button = element("button", { type: "button", class: classes, "aria-label": label, title: name, tabindex: "-1" });
    button.dataset.name = name;
    if (isActive) button.setAttribute("aria-current", "true");
    button.append(element("span", { class: "name" }, name));
    button.append(element("span", { class: "protocol" }, protocol));
    if (unread) button.append(element("span", { class: "unread" }, `${unread}`));
    button.append(element("span", { class: "count" }, text));
    button.addEventListener("click", () => this.#hooks[kind](name));
    return element("li", {}, button, ...(isInside ? [this.#wayOut(conversation)] : []));
  }

  #wayOut(conversation) {
    const label = `Leave ${conversation.name}`;
    const button = element("button", { type: "button", class: "quiet", "aria-label": label }, "Leave");
    button.addEventListener("click", () => this.#hooks.left(conversation));
    return button;
  }
}
