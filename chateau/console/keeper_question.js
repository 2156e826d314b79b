/** A question, asked where it comes up: a sentence, a field where one is needed, what does it, and the way back. */

import { failureOf } from "./admin.js";
import { element, say } from "./dom.js";

let count = 0;

export class Question {
  element;
  #act;
  #done;
  #field = null;
  #go;
  #back = element("button", { type: "button", class: "quiet" }, "Cancel");
  #refused;
  #isBusy = false;

  /**
   * *field*: {label, value?, options?, …attributes of an input}. *act(value)* does it; where it is refused, that is
   * told here. *done()*: it was done, or given up.
   */
  constructor({ sentence, field, verb, act, done }) {
    const id = `question-${++count}`;
    this.#act = act;
    this.#done = done;
    this.#go = element("button", { type: "submit" }, verb);
    this.#refused = element("p", { id: `${id}-refused`, class: "refused", role: "alert" });
    this.element = element("form", { class: "question", autocomplete: "off", "aria-labelledby": id });
    this.element.append(element("p", { id }, sentence));
    if (field) this.element.append(this.#labelled(id, field));
    this.element.append(element("p", { class: "buttons" }, this.#go, this.#back), this.#refused);
    this.element.addEventListener("submit", (event) => this.#submit(event));
    this.element.addEventListener("keydown", (event) => event.key === "Escape" && done());
    this.#back.addEventListener("click", () => done());
  }

  /** Where there is nothing to write, the way back has the focus: Enter, pressed once too often, does no harm. */
  focus() {
    (this.#field ?? this.#back).focus();
    this.#field?.select?.();
    this.element.scrollIntoView({ block: "nearest" });
  }

  /** It cannot be done any more: *sentence* says why. */
  end(sentence) {
    this.#go.disabled = true;
    say(this.#refused, sentence);
  }

  #labelled(id, { label, value = "", options, ...attributes }) {
    const described = { ...attributes, id: `${id}-field`, "aria-describedby": this.#refused.id };
    this.#field = element(options ? "select" : "input", described);
    if (options) this.#field.append(...options.map((each) => element("option", {}, each)));
    else this.#field.value = value;
    return element("p", {}, element("label", { for: `${id}-field` }, label), this.#field);
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#isBusy || this.#go.disabled) return;
    this.#isBusy = true;
    const error = await failureOf(() => this.#act(this.#field?.value));
    this.#isBusy = false;
    if (!error) {
      this.#done();
      return;
    }
    say(this.#refused, error.message);
    if (this.element.contains(document.activeElement)) this.focus();
  }
}
