/** A row of a table: one item's figures, the buttons for what can be done with it, and what is asked about it below. */

import { failureOf } from "./admin.js";
import { element, say } from "./dom.js";
import { Question } from "./keeper_question.js";

export class Row {
  item;
  #columns;
  #actions;
  #tr;
  #cells;
  #buttons;
  #refused = element("p", { class: "refused", role: "alert" });
  #question = null;
  #asked = null; // the row below, which holds the question
  #lastFocused = 0;

  constructor(columns, actions, item) {
    this.#columns = columns;
    this.#actions = actions;
    this.#cells = columns.map(cell);
    this.#buttons = actions.map((action, index) => this.#button(action, index));
    const deeds = element("td", { role: "cell", class: "deeds" }, element("div", { class: "buttons" }, ...this.#buttons), this.#refused);
    this.#tr = element("tr", { role: "row" }, ...this.#cells, deeds);
    this.update(item);
  }

  get elements() {
    return this.#asked ? [this.#tr, this.#asked] : [this.#tr];
  }

  get hasFocus() {
    return this.#buttons.includes(document.activeElement);
  }

  get lastFocused() {
    return this.#lastFocused;
  }

  get isAsking() {
    return this.#asked !== null;
  }

  update(item) {
    this.item = item;
    this.#columns.forEach(({ text }, index) => say(this.#cells[index], text(item)));
    this.#actions.forEach(({ label, spoken, isPressed, isInert }, index) => {
      const button = this.#buttons[index];
      set(button, "aria-label", `${label} ${spoken(item)}`);
      if (isPressed) set(button, "aria-pressed", `${isPressed(item)}`);
      if (isInert) set(button, "aria-disabled", `${isInert(item)}`);
    });
  }

  isStop(isIt) {
    for (const button of this.#buttons) button.tabIndex = isIt ? 0 : -1;
  }

  focus(index) {
    this.#buttons[index].focus();
  }

  /** Do *action*; how it was refused stands beside the buttons. */
  async attempt(action) {
    say(this.#refused, "");
    say(this.#refused, (await failureOf(action))?.message ?? "");
  }

  /** Ask what a Question asks, below this row. */
  ask(question) {
    this.#close();
    const asked = new Question({ ...question, done: () => this.#close({ goBack: true }) });
    this.#question = asked;
    const wide = element("td", { role: "cell", colspan: `${this.#cells.length + 1}` }, asked.element);
    this.#asked = element("tr", { role: "row", class: "asked" }, wide);
    this.#tr.after(this.#asked);
    asked.focus();
  }

  /** What is asked about is gone. */
  end(sentence) {
    this.#question?.end(sentence);
  }

  #close({ goBack = false } = {}) {
    say(this.#refused, "");
    const hadFocus = this.#asked?.contains(document.activeElement);
    if (goBack && hadFocus) this.focus(this.#lastFocused);
    this.#asked?.remove();
    this.#question = this.#asked = null;
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

function cell({ label, looks = "" }, index) {
  const attributes = { "data-label": label, class: looks };
  if (index === 0) return element("th", { ...attributes, scope: "row", role: "rowheader" });
  return element("td", { ...attributes, role: "cell" });
}

/** Set what has changed only: a screen reader may tell it again. */
function set(button, name, value) {
  if (button.getAttribute(name) !== value) button.setAttribute(name, value);
}
