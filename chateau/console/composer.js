/**
 * Writing a frame by hand: with what may stand where, and what the server would say to it, told while one types.
 *
 * What would be refused may be sent all the same: that is how one learns what a 400 is.
 */

import { suggestions } from "./completion.js";
import { byId, element, say, show } from "./dom.js";
import { verdictOf } from "./explain.js";

const OFFERED = { ArrowDown: "next", ArrowUp: "previous", Enter: "take", Tab: "take", Escape: "withdraw" };
const ALWAYS = { " ": "offer", Enter: "send" }; // with Ctrl

export class Composer {
  #schemas;
  #names;
  #send;
  #known = null; // the Schemas, once they are here
  #text = byId("frame-draft");
  #options = byId("suggestions");
  #offered = null; // what suggestions() gave
  #at = 0; // which of them

  /** *schemas()* promises the Schemas, *names()* gives the house's, *send(text)* promises to say what went wrong. */
  constructor(schemas, names, send) {
    this.#schemas = schemas;
    this.#names = names;
    this.#send = send;
    byId("compose-open").addEventListener("click", () => this.#toggle());
    byId("example").addEventListener("change", () => this.#fill());
    byId("compose").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.#text.addEventListener("input", (event) => this.#typed(event));
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#text.addEventListener("blur", () => this.withdraw());
    this.#options.addEventListener("pointerdown", (event) => this.#pointed(event));
  }

  async #toggle() {
    const isOpen = byId("compose").hidden;
    show(byId("compose"), isOpen);
    byId("compose-open").setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) return;
    this.#text.focus();
    byId("compose").scrollIntoView({ block: "nearest" });
    this.#known ??= await this.#schemas().catch(() => null);
    this.#listExamples();
    this.#check();
  }

  #listExamples() {
    if (this.#known === null || byId("example").options.length > 1) return;
    for (const { type, name, word } of this.#known.messages("request")) {
      byId("example").append(element("option", { value: name }, `${type} ${word}`));
    }
  }

  #fill() {
    const { value } = byId("example");
    if (value === "") return;
    this.#text.value = spaced(this.#known.find(value).examples[0]);
    this.#check();
    this.#text.focus();
  }

  #check() {
    const { value } = this.#text;
    const verdict = this.#known && value ? verdictOf("out", value, this.#known) : null;
    byId("compose").classList.toggle("faulty", verdict?.fault?.pointer !== undefined); // and not while it is being written
    say(byId("draft-verdict"), verdict === null ? "" : inWords(verdict));
  }

  #typed({ inputType }) {
    this.#check();
    if (inputType === "insertText") this.offer({ asked: false });
    else this.withdraw();
  }

  /** Offer what may stand here; *asked*: also where nothing was begun yet. */
  offer({ asked = true } = {}) {
    const { value, selectionStart: place } = this.#text;
    const found = this.#known && suggestions(value, place, this.#known, this.#names());
    const isWanted = found && (asked || found.from < place);
    if (!isWanted) {
      this.withdraw();
      return;
    }
    this.#offered = found;
    const rows = found.options.map(({ text, says }, place) => {
      const about = element("span", { class: "muted" }, ` ${says}`);
      return element("li", { role: "option", id: `suggestion-${place}` }, element("code", {}, text.trim()), about);
    });
    this.#options.replaceChildren(...rows);
    show(this.#options, true);
    say(byId("suggested"), `${rows.length} suggestions, Enter takes one, Escape none.`);
    this.#point(0);
  }

  /** Offer nothing. */
  withdraw() {
    this.#offered = null;
    show(this.#options, false);
    say(byId("suggested"), "");
    this.#text.removeAttribute("aria-activedescendant");
  }

  #point(at) {
    const count = this.#options.children.length;
    this.#at = (at + count) % count;
    for (const [place, row] of [...this.#options.children].entries()) {
      row.setAttribute("aria-selected", String(place === this.#at));
    }
    this.#text.setAttribute("aria-activedescendant", `suggestion-${this.#at}`);
    this.#options.children[this.#at].scrollIntoView({ block: "nearest" });
  }

  #pointed(event) {
    const row = event.target.closest("li");
    if (!row) return;
    event.preventDefault(); // the field keeps the focus
    this.#at = [...this.#options.children].indexOf(row);
    this.take();
  }

  #key(event) {
    const { key, ctrlKey, metaKey, isComposing } = event;
    if (isComposing) return;
    const whileOffered = this.#offered ? OFFERED : {};
    const does = (ctrlKey || metaKey ? ALWAYS : whileOffered)[key];
    if (!does) return;
    event.preventDefault();
    this[does]();
  }

  next() {
    this.#point(this.#at + 1);
  }

  previous() {
    this.#point(this.#at - 1);
  }

  take() {
    const { from, to, options } = this.#offered;
    this.#text.setRangeText(options[this.#at].text, from, to, "end");
    this.withdraw();
    this.#check();
  }

  async send() {
    this.withdraw();
    const { value } = this.#text;
    if (value !== "") say(byId("draft-verdict"), await this.#send(value));
  }
}

function inWords({ schema, fault }) {
  const name = schema?.replace("chateau.", "");
  return fault ? `This would be refused (${fault.code}): ${fault.sentence}` : `This keeps to ${name}.`;
}

/** *value* as the documentation writes it: on a line, with spaces. */
function spaced(value) {
  const inner = Object.entries(value).map(([key, each]) => `"${key}": ${JSON.stringify(each)}`);
  return `{${inner.join(", ")}}`;
}
