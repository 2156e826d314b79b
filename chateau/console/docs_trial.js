/** One example at work: its text to change, what is sent and what comes back, with times. */

import { element, isAtEnd, say, show, toEnd } from "./dom.js";

const KEPT = 100;

export class Trial {
  #way;
  #panel;
  #text;
  #address;
  #first;
  #status = element("p", { class: "muted", role: "status" });
  #log = element("ol", { "aria-live": "polite", "aria-label": "What was sent and what came", tabindex: "0" });

  constructor(example, text, way) {
    this.#way = way;
    this.#text = element("textarea", { rows: "2", spellcheck: "false", "aria-label": "What to send" });
    this.#text.value = text;
    this.#address = element("input", { spellcheck: "false", "aria-label": "Address" });
    this.#address.value = way.where ?? "";
    this.#first = button("", () => this.#go(way.talk.opening));
    this.#panel = element("div", { class: "trial" });
    if (way.where) this.#panel.append(this.#address);
    if (!way.takesNothing) this.#panel.append(this.#text);
    const buttons = element("p", { class: "buttons" }, this.#first);
    buttons.append(button(way.label, () => this.#go(this.#text.value)));
    if (way.end) buttons.append(button("Stop", () => way.end(), "quiet"));
    this.#panel.append(buttons, this.#status, this.#log);
    example.append(this.#panel);
    show(this.#panel, false);
    show(this.#log, false);
    show(this.#first, false);
    way.talk?.follow(this);
  }

  /** Open the panel, or close it; returns whether it is open. */
  toggle() {
    show(this.#panel, this.#panel.hidden);
    if (!this.#panel.hidden) this.#panel.querySelector("textarea, input").focus();
    return !this.#panel.hidden;
  }

  /** The connection is now as *status* says. */
  onChange(status) {
    say(this.#status, status);
    const opening = this.#way.talk?.opening ?? "";
    const name = /reader-\d+/.exec(opening)?.[0];
    this.#first.textContent = `Connect and register as ${name}`;
    show(this.#first, opening !== "");
  }

  /** List *text*, which came (←) or was sent (→). */
  show(arrow, text) {
    const wasAtEnd = isAtEnd(this.#log);
    const time = new Date();
    const clock = `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
    const word = element("span", { class: "unseen" }, arrow === "→" ? "sent" : "came");
    const line = element("pre", {}, `${arrow} `, word, " ", typeof text === "string" ? text : "(bytes)");
    show(this.#log, true);
    this.#log.append(element("li", {}, element("time", { class: "muted" }, clock), line));
    if (this.#log.children.length > KEPT) this.#log.firstChild.remove();
    if (wasAtEnd) toEnd(this.#log);
  }

  async #go(text) {
    try {
      await this.#way.run(this, text, this.#address.value);
    } catch (error) {
      this.onChange(error.name === "AbortError" ? "Stopped." : "The server could not be reached.");
    }
  }
}

function button(label, onClick, kind = "") {
  const made = element("button", { type: "button", class: kind }, label);
  made.addEventListener("click", onClick);
  return made;
}
