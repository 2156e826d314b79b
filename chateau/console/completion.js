/**
 * What can stand at a place of a frame that is being written: the keys of its schema, the values of a key.
 *
 * The text need not be JSON yet. It is scanned from its beginning, and all that is asked is where the place is.
 */

const TOKEN = /"(?:[^"\\\n]|\\.)*"?|[{}[\]:,]|[^\s"{}[\]:,]+/g;
const MOST = 12;

/**
 * Suggestions for *place* in *text*: {from, to, options: [{text, says}]}, each to be put in from *from* to *to*; null
 * where there is none. *names*: {room, username}, lists of those that there are now.
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
  return { from: token ? token.from : place, to, options: fits.slice(0, MOST) };
}

/** Where *place* is: in which containers, in or behind which token, before a key or a value; and the root's type. */
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

/** Whether *word* is a string that does not end: what is behind the place may be anything. */
function isOpen(word) {
  return word[0] === '"' && !isClosed(word);
}

/** The containers as they are now; the keys behind *token* are told to them all the same. */
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

/** The schema of what the innermost of *stack* is, beginning with the whole frame's. */
function schemaAt(stack, schema, schemas) {
  let here = schema;
  for (const outer of stack.slice(0, -1)) {
    here = schemas.resolved(here);
    here = outer.isArray ? here?.items : here?.properties?.[outer.key];
  }
  return schemas.resolved(here);
}

function keysOf(schemas, schema, inner, token, hasColon) {
  const keys = Object.entries(schema?.properties ?? { type: { description: "Which request it is: 1 to 9." } });
  const own = token && bare(token.text); // the one that is being written
  return keys
    .filter(([key]) => key === own || !inner.keys.includes(key))
    .map(([key, inside]) => ({ bare: key, text: `"${key}"${hasColon ? "" : ": "}`, says: schemas.resolved(inside).description }));
}

function valuesOf(inner, schema, schemas, names) {
  if (inner.key === "type" && !inner.isArray) return schemas.messages("request").map(typeOption);
  const value = inner.isArray ? schema?.items : schema?.properties?.[inner.key];
  const reference = value?.$ref?.split(".").at(-1);
  const known = names[reference] ?? [];
  const resolved = schemas.resolved(value) ?? {};
  const listed = resolved.enum ?? (resolved.type === "boolean" ? [true, false] : "const" in resolved ? [resolved.const] : []);
  return [...known, ...listed].map((each) => ({ bare: String(each), text: JSON.stringify(each), says: reference ?? "" }));
}

function typeOption({ type, word }) {
  return { bare: String(type), text: String(type), says: word };
}
