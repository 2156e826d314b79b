/**
 * JSON with its text: read as strictly as the server reads it, and laid out line by line, each with its place.
 *
 * What is shown of a frame has to be what went over the wire: numbers as they were written, keys in their order.
 */

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;
const WORDS = { true: true, false: false, null: null };
const DEEPEST = 1024;

/** Why a text is no JSON; *at* is where. */
export class NotJson extends Error {
  constructor(text, what, at) {
    const lines = text.slice(0, at).split("\n");
    super(`This is not JSON: ${what} at line ${lines.length}, column ${lines.at(-1).length + 1}.`);
    this.at = at;
  }
}

/** What *text* says: {value, text}, with `members` ([key, node]) of an object and `items` of an array. */
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
    if (this.#at < this.#text.length) this.#fail("something is behind its end");
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
    if (++this.#depth > DEEPEST) this.#fail("it is nested too deeply");
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
      if (this.#text[start] !== '"') this.#fail("a key in quotation marks is missing");
      const key = this.#string().value;
      if (keys.has(key)) this.#fail(`the key "${key}" is there twice`, start);
      keys.add(key);
      if (!this.#take(":")) this.#fail("a colon is missing");
      members.push([key, this.#node()]);
    });
    return { members, value: Object.fromEntries(members.map(([key, { value }]) => [key, value])) };
  }

  #array() {
    const items = [];
    this.#each("]", () => items.push(this.#node()));
    return { items, value: items.map(({ value }) => value) };
  }

  /** Read one item after the other, commas between them, up to *end*. */
  #each(end, item) {
    if (this.#take(end)) return;
    do item();
    while (this.#take(","));
    if (!this.#take(end)) this.#fail(this.#at < this.#text.length ? `a comma or ${end} is missing` : "unexpected end");
  }

  #string() {
    const start = this.#at++;
    for (; this.#text[this.#at] !== '"'; this.#at++) {
      if (this.#at >= this.#text.length) this.#fail("a string does not end", start);
      if (this.#text[this.#at] < " ") this.#fail("a control character is in a string");
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
      this.#fail("an escape in a string is none", start);
    }
    if (!value.isWellFormed()) this.#fail("half a character is in a string", start);
    return value;
  }

  #word() {
    const word = Object.keys(WORDS).find((each) => this.#text.startsWith(each, this.#at));
    const text = word ?? this.#match(NUMBER);
    if (!text) this.#fail("unexpected character");
    const value = word ? WORDS[word] : Number(text);
    if (value === Infinity || value === -Infinity) this.#fail("a number is out of range");
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

/** The lines that *node* is laid out in: [{text, indent, pointer}]; closing brackets have no pointer. */
export function laidOut(node) {
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

/** *path*, keys and places, as a JSON Pointer (RFC 6901). */
export function pointerOf(path) {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
