/**
 * A table whose figures change in place: rows do not move until the user sorts or filters them.
 *
 * The buttons of one row are tab stops; arrow keys, Home and End move to the same button of another row.
 */

import { byId, element, setText } from "./dom.js";
import { Row } from "./admin_row.js";

const MAX_ROWS = 200;
const ORDER = new Intl.Collator("en", { numeric: true });
const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

export class Table {
  #table;
  #what;
  #columns;
  #actions;
  #body;
  #headers;
  #filter;
  #sort;
  #isDescending = false;
  #items = [];
  #total = 0;
  #rows = new Map(); // by key, in the order shown
  #current = null; // the row whose buttons are tab stops

  /**
   * The table is the element *id*; its filter, count and button to sort again have ids that start with it.
   * *what*: {one, many, order}, words for the count. *columns*: {label, text(item), value?(item) to sort by, className?};
   * the first is the header of its row, and the class "figure" sorts in descending order. *actions*: {label,
   * target(item), press(item, row), isPressed?(item), isInert?(item)}. *filtered()*: called when the filter changes.
   */
  constructor(id, { what, columns, actions, filtered = () => {} }) {
    this.#table = byId(id);
    this.#what = what;
    this.#columns = columns;
    this.#actions = actions;
    this.#filter = byId(`${id}-filter`);
    this.#sort = columns[0];
    this.#headers = columns.map((column) => this.#header(column));
    const heads = [...this.#headers, element("th", { scope: "col", role: "columnheader" }, "Actions")];
    this.#table.append(element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...heads)));
    this.#body = this.#table.appendChild(element("tbody", { role: "rowgroup" }));
    this.#body.addEventListener("keydown", (event) => this.#moveByKey(event));
    this.#body.addEventListener("focusin", (event) => this.#setCurrent(this.#rowAround(event.target)));
    this.#filter.addEventListener("input", () => {
      filtered();
      this.#arrange({ all: true });
    });
    byId(`${id}-again`).addEventListener("click", () => this.#arrange({ all: true }));
    this.#showOrder();
  }

  get wanted() {
    return this.#filter.value.trim().toLowerCase();
  }

  /** Show *items*, {key, …}, out of *total*. */
  update(items, total = items.length) {
    this.#items = items;
    this.#total = total;
    this.#arrange({ all: this.#rows.size === 0 });
  }

  clear() {
    this.#rows.clear();
    this.#filter.value = "";
    this.update([]);
  }

  /** Focus a button of the row *key*, or the filter if the row is gone. */
  focus(key, index) {
    const row = this.#rows.get(key);
    if (row) row.focus(index);
    else this.#filter.focus();
  }

  #header(column) {
    const button = element("button", { type: "button", class: "quiet" }, column.label);
    button.addEventListener("click", () => {
      this.#isDescending = this.#sort === column ? !this.#isDescending : column.className === "figure";
      this.#sort = column;
      this.#showOrder();
      this.#arrange({ all: true });
    });
    return element("th", { scope: "col", role: "columnheader", class: column.className ?? "" }, button);
  }

  #showOrder() {
    this.#columns.forEach((column, index) => {
      const header = this.#headers[index];
      if (column === this.#sort) header.setAttribute("aria-sort", this.#isDescending ? "descending" : "ascending");
      else header.removeAttribute("aria-sort");
    });
  }

  /** Show a row for each item that matches. *all*: sort all rows, not only the new ones. */
  #arrange({ all }) {
    const matching = this.#matching();
    const shown = new Map(matching.slice(0, MAX_ROWS).map((item) => [item.key, item]));
    const before = [...this.#rows.values()];
    const focused = before.find((row) => row.hasFocus);
    const remaining = before.filter((row) => shown.has(row.item.key) || this.#stays(row));
    const known = new Set(remaining.map((row) => row.item.key));
    for (const row of remaining) if (shown.has(row.item.key)) row.update(shown.get(row.item.key));
    const added = [...shown.values()].filter(({ key }) => !known.has(key));
    const fresh = added.map((item) => new Row(this.#columns, this.#actions, item));
    const ordered = all ? [...remaining, ...fresh].sort((a, b) => this.#compare(a, b)) : this.#merged(remaining, fresh);
    this.#rows = new Map(ordered.map((row) => [row.item.key, row]));
    this.#place(ordered);
    if (!this.#rows.has(this.#current?.item.key)) this.#setCurrent(ordered[0] ?? null);
    if (focused && !known.has(focused.item.key)) this.#moveFocus(focused, before.indexOf(focused), ordered);
    this.#showCount(matching.length, ordered.length);
  }

  #matching() {
    const { wanted } = this;
    if (wanted === "") return this.#items;
    const words = (item) => this.#columns.map(({ text }) => text(item)).join(" ");
    return this.#items.filter((item) => words(item).toLowerCase().includes(wanted));
  }

  /** Return whether a row without an item stays: while its form is open, or while it has the focus and may still exist. */
  #stays(row) {
    const isGone = this.#items.length >= this.#total && !this.#items.some(({ key }) => key === row.item.key);
    if (isGone) row.end(`This ${this.#what.one} no longer exists.`);
    return row.hasForm || (row.hasFocus && !isGone);
  }

  #merged(remaining, fresh) {
    const rows = [...remaining];
    for (const row of fresh) {
      const place = rows.findIndex((each) => this.#compare(row, each) < 0);
      rows.splice(place < 0 ? rows.length : place, 0, row);
    }
    return rows;
  }

  #compare({ item: a }, { item: b }) {
    const value = this.#sort.value ?? this.#sort.text;
    const [one, other] = [value(a), value(b)];
    const order = typeof one === "number" ? one - other : ORDER.compare(one, other);
    return (this.#isDescending ? -order : order) || ORDER.compare(a.key, b.key);
  }

  #place(rows) {
    const wanted = rows.flatMap((row) => row.elements);
    const remaining = new Set(wanted);
    for (const shown of [...this.#body.children]) if (!remaining.has(shown)) shown.remove();
    let here = this.#body.firstElementChild;
    for (const each of wanted) {
      if (each === here) here = here.nextElementSibling;
      else this.#body.insertBefore(each, here);
    }
  }

  #moveFocus(gone, index, rows) {
    const next = rows[Math.min(index, rows.length - 1)];
    if (next) next.focus(gone.lastFocused);
    else this.#filter.focus();
  }

  #showCount(matching, shown) {
    const { one, many, order } = this.#what;
    const total = `${this.#total} ${this.#total === 1 ? one : many}`;
    const which = this.wanted === "" ? order : `of ${matching} that match`;
    const all = this.#total === 0 ? `No ${one}.` : `${total}.`;
    setText(byId(`${this.#table.id}-count`), shown >= this.#total ? all : `${shown} of ${total} shown${which ? `, ${which}` : ""}.`);
  }

  #rowAround(target) {
    return [...this.#rows.values()].find((row) => row.elements.some((each) => each.contains(target)));
  }

  #setCurrent(row) {
    if (row === this.#current || row === undefined) return;
    this.#current?.setTabStop(false);
    this.#current = row;
    row?.setTabStop(true);
  }

  #moveByKey(event) {
    const step = STEPS[event.key];
    const rows = [...this.#rows.values()];
    const here = rows.findIndex((row) => row.hasFocus);
    if (step === undefined || here < 0) return;
    event.preventDefault();
    rows[Math.max(0, Math.min(rows.length - 1, here + step))].focus(rows[here].lastFocused);
  }
}
