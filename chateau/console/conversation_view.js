/** The conversation in the middle: its messages, and the field to write one. */

import { byId, element, isScrolledToEnd, followEnd, setText, scrollToEnd } from "./dom.js";

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const DAY_AND_CLOCK = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const IN_FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const NAMED_MEMBERS = 20;

export class ConversationView {
  #state;
  #send;
  #messages = byId("messages");
  #list = byId("message-list");
  #text = byId("text");
  #button = byId("send").querySelector("button");
  #elements = new WeakMap(); // of the items
  #shown = null;

  /** *send(conversation, content)*: called when the form is submitted. */
  constructor(state, send) {
    this.#state = state;
    this.#send = send;
    followEnd(this.#messages);
    byId("send").addEventListener("submit", (event) => this.#submit(event));
    this.#text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      this.#submit(event);
    });
    this.#text.addEventListener("input", () => {
      if (this.#shown) this.#shown.draft = this.#text.value;
    });
  }

  focus() {
    this.#text.focus();
  }

  render() {
    const { active } = this.#state;
    const isOther = active !== this.#shown;
    const follows = isOther || isScrolledToEnd(this.#messages);
    if (isOther) this.#change(active);
    this.#text.disabled = this.#button.disabled = active === null || isOutside(active);
    setText(byId("conversation-title"), titleOf(active));
    setText(byId("members"), active?.isInside ? membersInWords(active) : "");
    setText(byId("send-error"), active?.error ?? "");
    if (active && this.#text.value !== active.draft) this.#text.value = active.draft;
    this.#arrange(active?.items ?? []);
    if (follows) scrollToEnd(this.#messages);
  }

  #change(active) {
    this.#shown = active;
    this.#text.value = active?.draft ?? "";
  }

  #submit(event) {
    event.preventDefault();
    const content = this.#text.value;
    if (!this.#shown || content.trim() === "") return;
    this.#send(this.#shown, content);
    scrollToEnd(this.#messages);
  }

  /** Make the list show exactly *items*, with as few changes as possible. */
  #arrange(items) {
    const wanted = items.map((item) => this.#elementOf(item));
    const remaining = new Set(wanted);
    for (const shown of [...this.#list.children]) if (!remaining.has(shown)) shown.remove();
    let here = this.#list.firstElementChild;
    for (const each of wanted) {
      if (each === here) here = here.nextElementSibling;
      else this.#list.insertBefore(each, here);
    }
  }

  #elementOf(item) {
    if (!this.#elements.has(item)) this.#elements.set(item, "note" in item ? noteRow(item) : messageRow(item));
    return this.#elements.get(item);
  }
}

function isOutside({ isRoom, isInside }) {
  return isRoom && !isInside;
}

function titleOf(conversation) {
  if (conversation === null) return "Join a room, or choose a person";
  if (isOutside(conversation)) return `${conversation.name} (you are no longer in this room)`;
  return conversation.isRoom ? conversation.name : `Direct messages with ${conversation.name}`;
}

function membersInWords({ members, count }) {
  const named = [...members].slice(0, NAMED_MEMBERS).join(", ");
  return `${count} ${count === 1 ? "member" : "members"}: ${named}${count > NAMED_MEMBERS ? " …" : ""}`;
}

function messageRow({ sender, content, time, mine, others = [] }) {
  const from = element("span", { class: mine ? "from mine" : "from" }, sender);
  const copies = others.length ? [element("span", { class: "muted" }, ` (also to ${others.join(", ")})`)] : [];
  const body = element("div", { class: "content", dir: "auto" }, content);
  return element("li", {}, from, timeOf(time), ...copies, body);
}

function noteRow({ note, time }) {
  return element("li", { class: "note" }, `${note} `, timeOf(time));
}

/** Return *time* in the user's time zone and locale; with the date unless it is today. */
function timeOf(time) {
  const at = new Date(time);
  const isToday = at.toDateString() === new Date().toDateString();
  const shown = (isToday ? CLOCK : DAY_AND_CLOCK).format(at);
  return element("time", { datetime: time, title: IN_FULL.format(at) }, shown);
}
