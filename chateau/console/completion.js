/**
 * Suggestions for a frame that is being written: the keys of its schema, and the values of a key.
 *
 * The text need not be valid JSON. It is scanned from its start, to find where in the frame the cursor is.
 */

const TOKEN = /"(?:[^"\\\n]|\\.)*"?|[{}[\]:,]|[^\s"{}[\]:,]+/g;
const MAX_OPTIONS = 12;

/**
 * Return the suggestions at *place* in *text*: {from, to, options: [{text, description}]}, where each option replaces
 * the text from *from* to *to*; null if there are none. *names*: {room, username}, lists of the current ones.
 */
export function suggestions(text, place, schemas, names) {
  const { stack, token, expects, root } = scanned(text, place);
  const inner = stack.at(-1);
  if (!inner) return null;
  const request = schemas.messages("request").find(({ type }) => type === root?.type);
  const schema = schemaAt(stack, request?.schema, schemas);
  const typed = token ? text.slice(token.from, place).replace(/^"/, "") : "";
  const to = token?.to ?? place;
  const hasColon = /^\s*:/.test(text.slice(to));
  const all = {
    key: () => keysOf(schemas, schema, inner, token, hasColon),
    value: () => valuesOf(inner, schema, schemas, names),
    nothing: () => [],
  }[expects]();
  const fits = all.filter(({ bare }) => bare.toLowerCase().startsWith(typed.toLowerCase()));
  const isDone = fits.length === 1 && token && fits[0].text === text.slice(token.from, to);
  if (fits.length === 0 || isDone) return null;
  return { from: token ? token.from : place, to, options: fits.slice(0, MAX_OPTIONS) };
}

/** Return where *place* is: the containers around it, the token at it, whether a key or a value is expected; and the root. */
function scanned(text, place) {
  const stack = [];
  let [root, found] = [null, null];
  for (const { 0: word, index } of text.matchAll(TOKEN)) {
    const [from, to] = [index, index + word.length];
    if (!found && place <= from) found = placed(stack, null);
    else if (!found && isIn(word, place, from, to)) found = placed(stack, { from, to: isOpen(word) ? place : to, text: word });
    step(stack, word);
    root ??= stack[0];
  }
  const { stack: containers, token } = found ?? placed(stack, null);
  const inner = containers.at(-1);
  const expects = inner && (inner.isArray || inner.hasColon ? "value" : "key");
  return { stack: containers, token, root, expects: !inner || inner.isDone ? "nothing" : expects };
}

function isIn(word, place, from, to) {
  if (/^[{}[\]:,]/.test(word)) return false;
  return from < place && (place < to || (place === to && !isClosed(word)));
}

function isClosed(word) {
  return word.length > 1 && word[0] === '"' && word.endsWith('"');
}

/** Return whether *word* is an unterminated string: the text after the cursor may not belong to it. */
function isOpen(word) {
  return word[0] === '"' && !isClosed(word);
}

/** Return a copy of the containers; keys that follow are still added to their shared lists. */
function placed(stack, token) {
  return { stack: stack.map((each) => ({ ...each })), token };
}

function step(stack, word) {
  const inner = stack.at(-1);
  if (word === "{" || word === "[") stack.push({ isArray: word === "[", keys: [], key: undefined, hasColon: false, isDone: false });
  else if (word === "}" || word === "]") close(stack);
  else if (!inner) return;
  else if (word === ":") inner.hasColon = true;
  else if (word === ",") Object.assign(inner, { hasColon: false, isDone: false, key: undefined });
  else if (inner.isArray || inner.hasColon) takeValue(inner, word);
  else inner.keys.push((inner.key = bare(word)));
}

function close(stack) {
  stack.pop();
  if (stack.length) stack.at(-1).isDone = true;
}

function takeValue(inner, word) {
  if (!inner.isArray && inner.key === "type") inner.type = Number(word);
  inner.isDone = true;
}

function bare(word) {
  return word.replace(/^"|"$/g, "");
}

/** Return the schema of the innermost container of *stack*; *schema* is that of the whole frame. */
function schemaAt(stack, schema, schemas) {
  let here = schema;
  for (const outer of stack.slice(0, -1)) {
    here = schemas.resolved(here);
    here = outer.isArray ? here?.items : here?.properties?.[outer.key];
  }
  return schemas.resolved(here);
}

function keysOf(schemas, schema, inner, token, hasColon) {
  const keys = Object.entries(schema?.properties ?? { type: { description: "The type of request: 1 to 9." } });
  const own = token && bare(token.text); // the key at the cursor
  return keys
    .filter(([key]) => key === own || !inner.keys.includes(key))
    .map(([key, inside]) => ({ bare: key, text: `"${key}"${hasColon ? "" : ": "}`, description: schemas.resolved(inside).description }));
}

function valuesOf(inner, schema, schemas, names) {
  if (inner.key === "type" && !inner.isArray) return schemas.messages("request").map(typeOption);
  const value = inner.isArray ? schema?.items : schema?.properties?.[inner.key];
  const reference = value?.$ref?.split(".").at(-1);
  const known = names[reference] ?? [];
  const resolved = schemas.resolved(value) ?? {};
  const listed = resolved.enum ?? (resolved.type === "boolean" ? [true, false] : "const" in resolved ? [resolved.const] : []);
  return [...known, ...listed].map((each) => ({ bare: String(each), text: JSON.stringify(each), description: reference ?? "" }));
}

function typeOption({ type, word }) {
  return { bare: String(type), text: String(type), description: word };
}
