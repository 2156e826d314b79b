/**
 * A JSON parser as strict as the server's, which preserves the text, and an indented form with a pointer per line.
 *
 * The page shows a frame as it was transmitted: numbers as they were written, and keys in their order.
 */

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;
const WORDS = { true: true, false: false, null: null };
const MAX_DEPTH = 1024;

/** A syntax error; *at* is its offset in the text. */
export class NotJson extends Error {
  constructor(text, what, at) {
    const lines = text.slice(0, at).split("\n");
    super(`Invalid JSON: ${what} at line ${lines.length}, column ${lines.at(-1).length + 1}.`);
    this.at = at;
  }
}

/** Parse *text* into a node: {value, text}, with `members` ([key, node]) of an object and `items` of an array. */
export function read(text) {
  return new Reader(text).whole();
}

class Reader {
  #text;
  #at = 0;
  #depth = 0;

  constructor(text) {
    this.#text = text;
  }

  whole() {
    const node = this.#node();
    this.#skip();
    if (this.#at < this.#text.length) this.#fail("unexpected text after the end");
    return node;
  }

  #node() {
    this.#skip();
    const first = this.#text[this.#at];
    if (first === undefined) this.#fail("unexpected end");
    if (first === "{" || first === "[") return this.#container(first);
    return first === '"' ? this.#string() : this.#word();
  }

  #container(first) {
    if (++this.#depth > MAX_DEPTH) this.#fail("nesting is too deep");
    this.#at++;
    const node = first === "{" ? this.#object() : this.#array();
    this.#depth--;
    return node;
  }

  #object() {
    const members = [];
    const keys = new Set();
    this.#each("}", () => {
      this.#skip();
      const start = this.#at;
      if (this.#text[start] !== '"') this.#fail("expected a key in quotation marks");
      const key = this.#string().value;
      if (keys.has(key)) this.#fail(`duplicate key "${key}"`, start);
      keys.add(key);
      if (!this.#take(":")) this.#fail("expected a colon");
      members.push([key, this.#node()]);
    });
    return { members, value: Object.fromEntries(members.map(([key, { value }]) => [key, value])) };
  }

  #array() {
    const items = [];
    this.#each("]", () => items.push(this.#node()));
    return { items, value: items.map(({ value }) => value) };
  }

  /** Read items separated by commas, up to *end*. */
  #each(end, item) {
    if (this.#take(end)) return;
    do item();
    while (this.#take(","));
    if (!this.#take(end)) this.#fail(this.#at < this.#text.length ? `expected a comma or ${end}` : "unexpected end");
  }

  #string() {
    const start = this.#at++;
    for (; this.#text[this.#at] !== '"'; this.#at++) {
      if (this.#at >= this.#text.length) this.#fail("unterminated string", start);
      if (this.#text[this.#at] < " ") this.#fail("control character in a string");
      if (this.#text[this.#at] === "\\") this.#at++;
    }
    const text = this.#text.slice(start, ++this.#at);
    return { value: this.#unescaped(text, start), text };
  }

  #unescaped(text, start) {
    let value = "";
    try {
      value = JSON.parse(text);
    } catch {
      this.#fail("invalid escape in a string", start);
    }
    if (!value.isWellFormed()) this.#fail("unpaired surrogate in a string", start);
    return value;
  }

  #word() {
    const word = Object.keys(WORDS).find((each) => this.#text.startsWith(each, this.#at));
    const text = word ?? this.#match(NUMBER);
    if (!text) this.#fail("unexpected character");
    const value = word ? WORDS[word] : Number(text);
    if (value === Infinity || value === -Infinity) this.#fail("number out of range");
    this.#at += text.length;
    return { value, text };
  }

  #take(character) {
    this.#skip();
    const isThere = this.#text[this.#at] === character;
    if (isThere) this.#at++;
    return isThere;
  }

  #skip() {
    this.#at += this.#match(SPACE).length;
  }

  #match(pattern) {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0] ?? "";
  }

  #fail(what, at = this.#at) {
    throw new NotJson(this.#text, what, at);
  }
}

/** Return the indented lines of *node*: [{text, indent, pointer}]; closing brackets have no pointer. */
export function indented(node) {
  const lines = [];
  lay(node, "", "", 0, lines);
  return lines;
}

function lay(node, pointer, lead, indent, lines) {
  const inner = node.members ?? node.items?.map((item, place) => [place, item]);
  const [open, close] = node.members ? "{}" : "[]";
  if (!inner?.length) {
    lines.push({ text: lead + (inner ? open + close : node.text), indent, pointer });
    return;
  }
  lines.push({ text: lead + open, indent, pointer });
  for (const [key, each] of inner) {
    const place = pointer + pointerOf([key]);
    lay(each, place, node.members ? `${JSON.stringify(key)}: ` : "", indent + 2, lines);
    if (each !== inner.at(-1)[1]) lines.at(-1).text += ",";
  }
  lines.push({ text: close, indent });
}

/** Return *path*, keys and indices, as a JSON Pointer (RFC 6901). */
export function pointerOf(path) {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
