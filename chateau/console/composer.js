/**
 * The form to write a frame by hand: it suggests keys and values, and checks the frame while the user types.
 *
 * An invalid frame can be sent too, to see the error response.
 */

import { suggestions } from "./completion.js";
import { byId, element, setText, show } from "./dom.js";
import { verdictOf } from "./explain.js";

const OFFERED = { ArrowDown: "next", ArrowUp: "previous", Enter: "insert", Tab: "insert", Escape: "withdraw" };
const ALWAYS = { " ": "offer", Enter: "send" }; // with Ctrl

export class Composer {
  #schemas;
  #names;
  #send;
  #known = null; // the Schemas, once loaded
  #text = byId("frame-draft");
  #options = byId("suggestions");
  #offered = null; // the result of suggestions()
  #at = 0; // the index of the selected suggestion

  /** *schemas()* promises the Schemas, *names()* returns the known names, *send(text)* promises a sentence about the result. */
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
    this.#options.addEventListener("pointerdown", (event) => this.#click(event));
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
    byId("compose").classList.toggle("faulty", verdict?.fault?.pointer !== undefined); // not for JSON that is still incomplete
    setText(byId("draft-verdict"), verdict === null ? "" : inWords(verdict));
  }

  #typed({ inputType }) {
    this.#check();
    if (inputType === "insertText") this.offer({ always: false });
    else this.withdraw();
  }

  /** Show suggestions; *always*: also where no word is begun yet. */
  offer({ always = true } = {}) {
    const { value, selectionStart: place } = this.#text;
    const found = this.#known && suggestions(value, place, this.#known, this.#names());
    const isWanted = found && (always || found.from < place);
    if (!isWanted) {
      this.withdraw();
      return;
    }
    this.#offered = found;
    const rows = found.options.map(({ text, description }, place) => {
      const about = element("span", { class: "muted" }, ` ${description}`);
      return element("li", { role: "option", id: `suggestion-${place}` }, element("code", {}, text.trim()), about);
    });
    this.#options.replaceChildren(...rows);
    show(this.#options, true);
    setText(byId("suggested"), `${rows.length} suggestions; Enter inserts one, Escape closes the list.`);
    this.#select(0);
  }

  /** Hide the suggestions. */
  withdraw() {
    this.#offered = null;
    show(this.#options, false);
    setText(byId("suggested"), "");
    this.#text.removeAttribute("aria-activedescendant");
  }

  #select(at) {
    const count = this.#options.children.length;
    this.#at = (at + count) % count;
    for (const [place, row] of [...this.#options.children].entries()) {
      row.setAttribute("aria-selected", String(place === this.#at));
    }
    this.#text.setAttribute("aria-activedescendant", `suggestion-${this.#at}`);
    this.#options.children[this.#at].scrollIntoView({ block: "nearest" });
  }

  #click(event) {
    const row = event.target.closest("li");
    if (!row) return;
    event.preventDefault(); // so that the field does not lose the focus
    this.#at = [...this.#options.children].indexOf(row);
    this.insert();
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
    this.#select(this.#at + 1);
  }

  previous() {
    this.#select(this.#at - 1);
  }

  insert() {
    const { from, to, options } = this.#offered;
    this.#text.setRangeText(options[this.#at].text, from, to, "end");
    this.withdraw();
    this.#check();
  }

  async send() {
    this.withdraw();
    const { value } = this.#text;
    if (value !== "") setText(byId("draft-verdict"), await this.#send(value));
  }
}

function inWords({ schema, fault }) {
  const name = schema?.replace("chateau.", "");
  return fault ? `The server would reject this (${fault.code}): ${fault.sentence}` : `This matches ${name}.`;
}

/** Return the JSON of *value* on one line, with spaces, as the documentation writes it. */
function spaced(value) {
  const inner = Object.entries(value).map(([key, each]) => `"${key}": ${JSON.stringify(each)}`);
  return `{${inner.join(", ")}}`;
}
