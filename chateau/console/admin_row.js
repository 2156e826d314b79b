/** A row of a table: the figures of an item, buttons for its actions, and the form of an action below the row. */

import { failureOf } from "./admin_api.js";
import { InlineForm } from "./admin_form.js";
import { element, setText } from "./dom.js";

export class Row {
  item;
  #columns;
  #actions;
  #tr;
  #cells;
  #buttons;
  #error = element("p", { class: "error", role: "alert" });
  #form = null;
  #formRow = null; // the row below, which contains the form
  #lastFocused = 0;

  constructor(columns, actions, item) {
    this.#columns = columns;
    this.#actions = actions;
    this.#cells = columns.map(cell);
    this.#buttons = actions.map((action, index) => this.#button(action, index));
    const actionCell = element("td", { role: "cell", class: "actions" }, element("div", { class: "buttons" }, ...this.#buttons), this.#error);
    this.#tr = element("tr", { role: "row" }, ...this.#cells, actionCell);
    this.update(item);
  }

  get elements() {
    return this.#formRow ? [this.#tr, this.#formRow] : [this.#tr];
  }

  get hasFocus() {
    return this.#buttons.includes(document.activeElement);
  }

  get lastFocused() {
    return this.#lastFocused;
  }

  get hasForm() {
    return this.#formRow !== null;
  }

  update(item) {
    this.item = item;
    this.#columns.forEach(({ text }, index) => setText(this.#cells[index], text(item)));
    this.#actions.forEach(({ label, target, isPressed, isInert }, index) => {
      const button = this.#buttons[index];
      set(button, "aria-label", `${label} ${target(item)}`);
      if (isPressed) set(button, "aria-pressed", `${isPressed(item)}`);
      if (isInert) set(button, "aria-disabled", `${isInert(item)}`);
    });
  }

  setTabStop(isStop) {
    for (const button of this.#buttons) button.tabIndex = isStop ? 0 : -1;
  }

  focus(index) {
    this.#buttons[index].focus();
  }

  /** Run *action*; show its failure next to the buttons. */
  async attempt(action) {
    setText(this.#error, "");
    setText(this.#error, (await failureOf(action))?.message ?? "");
  }

  /** Show an InlineForm with *options* below this row. */
  ask(options) {
    this.#close();
    const form = new InlineForm({ ...options, onClose: () => this.#close({ goBack: true }) });
    this.#form = form;
    const wide = element("td", { role: "cell", colspan: `${this.#cells.length + 1}` }, form.element);
    this.#formRow = element("tr", { role: "row", class: "form-row" }, wide);
    this.#tr.after(this.#formRow);
    form.focus();
  }

  /** Disable the form: the item of this row is gone. */
  end(sentence) {
    this.#form?.disable(sentence);
  }

  #close({ goBack = false } = {}) {
    setText(this.#error, "");
    const hadFocus = this.#formRow?.contains(document.activeElement);
    if (goBack && hadFocus) this.focus(this.#lastFocused);
    this.#formRow?.remove();
    this.#form = this.#formRow = null;
  }

  #button(action, index) {
    const button = element("button", { type: "button", class: "quiet", tabindex: "-1" }, action.label);
    button.addEventListener("focus", () => {
      this.#lastFocused = index;
    });
    button.addEventListener("click", () => {
      this.#lastFocused = index;
      if (!action.isInert?.(this.item)) action.press(this.item, this);
    });
    return button;
  }
}

function cell({ label, className = "" }, index) {
  const attributes = { "data-label": label, class: className };
  if (index === 0) return element("th", { ...attributes, scope: "row", role: "rowheader" });
  return element("td", { ...attributes, role: "cell" });
}

/** Set an attribute only if it has changed: a screen reader may read each change aloud. */
function set(button, name, value) {
  if (button.getAttribute(name) !== value) button.setAttribute(name, value);
}
