/**
 * A table whose figures change in place: rows that stay where they are, until somebody sorts or filters them.
 *
 * Tab reaches the buttons of one row; arrow keys, Home and End go to the same button of another.
 */

import { byId, element, say } from "./dom.js";
import { Row } from "./keeper_row.js";

const SHOWN = 200; // rows
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
  #rows = new Map(); // by key, in the order that is shown
  #current = null; // the row that Tab reaches

  /**
   * The table is the element *id*; its filter, count and button to sort again have ids that begin with it.
   * *what*: {one, many, order}, in words. *columns*: {label, text(item), value?(item) to sort by, looks?}; the first
   * names the row, and what looks like a "figure" is sorted from the highest down. *actions*: {label, spoken(item),
   * press(item, row), isPressed?(item), isInert?(item)}. *filtered()*: something else is looked for.
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
    this.#body.addEventListener("keydown", (event) => this.#walk(event));
    this.#body.addEventListener("focusin", (event) => this.#stopAt(this.#rowAround(event.target)));
    this.#filter.addEventListener("input", () => {
      filtered();
      this.#arrange({ anew: true });
    });
    byId(`${id}-again`).addEventListener("click", () => this.#arrange({ anew: true }));
    this.#tellOrder();
  }

  get wanted() {
    return this.#filter.value.trim().toLowerCase();
  }

  /** Show *items*, {key, …}, of *total* that there are. */
  update(items, total = items.length) {
    this.#items = items;
    this.#total = total;
    this.#arrange({ anew: this.#rows.size === 0 });
  }

  clear() {
    this.#rows.clear();
    this.#filter.value = "";
    this.update([]);
  }

  /** Go to a button of the row *key*, or, where that is gone, to the filter. */
  focus(key, index) {
    const row = this.#rows.get(key);
    if (row) row.focus(index);
    else this.#filter.focus();
  }

  #header(column) {
    const button = element("button", { type: "button", class: "quiet" }, column.label);
    button.addEventListener("click", () => {
      this.#isDescending = this.#sort === column ? !this.#isDescending : column.looks === "figure";
      this.#sort = column;
      this.#tellOrder();
      this.#arrange({ anew: true });
    });
    return element("th", { scope: "col", role: "columnheader", class: column.looks ?? "" }, button);
  }

  #tellOrder() {
    this.#columns.forEach((column, index) => {
      const header = this.#headers[index];
      if (column === this.#sort) header.setAttribute("aria-sort", this.#isDescending ? "descending" : "ascending");
      else header.removeAttribute("aria-sort");
    });
  }

  /** Have the rows be those of the items that match. *anew*: sort all of them, not only the new ones. */
  #arrange({ anew }) {
    const matching = this.#matching();
    const shown = new Map(matching.slice(0, SHOWN).map((item) => [item.key, item]));
    const before = [...this.#rows.values()];
    const focused = before.find((row) => row.hasFocus);
    const kept = before.filter((row) => shown.has(row.item.key) || this.#staysOn(row));
    const known = new Set(kept.map((row) => row.item.key));
    for (const row of kept) if (shown.has(row.item.key)) row.update(shown.get(row.item.key));
    const added = [...shown.values()].filter(({ key }) => !known.has(key));
    const fresh = added.map((item) => new Row(this.#columns, this.#actions, item));
    const ordered = anew ? [...kept, ...fresh].sort((a, b) => this.#compare(a, b)) : this.#woven(kept, fresh);
    this.#rows = new Map(ordered.map((row) => [row.item.key, row]));
    this.#place(ordered);
    if (!this.#rows.has(this.#current?.item.key)) this.#stopAt(ordered[0] ?? null);
    if (focused && !known.has(focused.item.key)) this.#moveFocus(focused, before.indexOf(focused), ordered);
    this.#tellCount(matching.length, ordered.length);
  }

  #matching() {
    const { wanted } = this;
    if (wanted === "") return this.#items;
    const words = (item) => this.#columns.map(({ text }) => text(item)).join(" ");
    return this.#items.filter((item) => words(item).toLowerCase().includes(wanted));
  }

  /** A row that is no more among the items stays while somebody is asked about it, or may be about to press there. */
  #staysOn(row) {
    const isGone = this.#items.length >= this.#total && !this.#items.some(({ key }) => key === row.item.key);
    if (isGone) row.end(`This ${this.#what.one} is not there any more.`);
    return row.isAsking || (row.hasFocus && !isGone);
  }

  #woven(kept, fresh) {
    const rows = [...kept];
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
    const kept = new Set(wanted);
    for (const shown of [...this.#body.children]) if (!kept.has(shown)) shown.remove();
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

  #tellCount(matching, shown) {
    const { one, many, order } = this.#what;
    const total = `${this.#total} ${this.#total === 1 ? one : many}`;
    const which = this.wanted === "" ? order : `of ${matching} that match`;
    const all = this.#total === 0 ? `No ${one}.` : `${total}.`;
    say(byId(`${this.#table.id}-count`), shown >= this.#total ? all : `${shown} of ${total} shown${which ? `, ${which}` : ""}.`);
  }

  #rowAround(target) {
    return [...this.#rows.values()].find((row) => row.elements.some((each) => each.contains(target)));
  }

  #stopAt(row) {
    if (row === this.#current || row === undefined) return;
    this.#current?.isStop(false);
    this.#current = row;
    row?.isStop(true);
  }

  #walk(event) {
    const step = STEPS[event.key];
    const rows = [...this.#rows.values()];
    const here = rows.findIndex((row) => row.hasFocus);
    if (step === undefined || here < 0) return;
    event.preventDefault();
    rows[Math.max(0, Math.min(rows.length - 1, here + step))].focus(rows[here].lastFocused);
  }
}
