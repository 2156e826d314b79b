/** A form shown in place: a sentence, an optional field, a button that performs the action, and "Cancel". */

import { failureOf } from "./admin_api.js";
import { element, setText } from "./dom.js";

let count = 0;

export class InlineForm {
  element;
  #action;
  #onClose;
  #field = null;
  #submitButton;
  #cancelButton = element("button", { type: "button", class: "quiet" }, "Cancel");
  #error;
  #isBusy = false;

  /**
   * *field*: {label, value?, options?, …attributes of an input}. *action(value)* is run on submit; its failure is shown
   * in the form. *onClose()*: called when the action is done, or cancelled.
   */
  constructor({ sentence, field, verb, action, onClose }) {
    const id = `form-${++count}`;
    this.#action = action;
    this.#onClose = onClose;
    this.#submitButton = element("button", { type: "submit" }, verb);
    this.#error = element("p", { id: `${id}-error`, class: "error", role: "alert" });
    this.element = element("form", { class: "inline-form", autocomplete: "off", "aria-labelledby": id });
    this.element.append(element("p", { id }, sentence));
    if (field) this.element.append(this.#labelledField(id, field));
    this.element.append(element("p", { class: "buttons" }, this.#submitButton, this.#cancelButton), this.#error);
    this.element.addEventListener("submit", (event) => this.#submit(event));
    this.element.addEventListener("keydown", (event) => event.key === "Escape" && onClose());
    this.#cancelButton.addEventListener("click", () => onClose());
  }

  /** Focus the field, or else "Cancel", so that an accidental Enter does no harm. */
  focus() {
    (this.#field ?? this.#cancelButton).focus();
    this.#field?.select?.();
    this.element.scrollIntoView({ block: "nearest" });
  }

  /** Disable the form; *sentence* explains why. */
  disable(sentence) {
    this.#submitButton.disabled = true;
    setText(this.#error, sentence);
  }

  #labelledField(id, { label, value = "", options, ...attributes }) {
    const all = { ...attributes, id: `${id}-field`, "aria-describedby": this.#error.id };
    this.#field = element(options ? "select" : "input", all);
    if (options) this.#field.append(...options.map((each) => element("option", {}, each)));
    else this.#field.value = value;
    return element("p", {}, element("label", { for: `${id}-field` }, label), this.#field);
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#isBusy || this.#submitButton.disabled) return;
    this.#isBusy = true;
    const error = await failureOf(() => this.#action(this.#field?.value));
    this.#isBusy = false;
    if (!error) {
      this.#onClose();
      return;
    }
    setText(this.#error, error.message);
    if (this.element.contains(document.activeElement)) this.focus();
  }
}
