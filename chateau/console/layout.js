/** A scenario as a file that people edit: what fits on a line stands on one, a step above all. As to-scenario does it. */

const WIDTH = 110;
const SPREAD = new Set(["clients", "steps"]); // always an item a line

/** The text of a file with *scenario*. */
export function written(scenario) {
  return `${spread(scenario, 0, SPREAD)}\n`;
}

function laidOut(value, indent, used) {
  const line = inLine(value);
  const isOne = used + line.length <= WIDTH || typeof value !== "object" || value === null;
  return isOne ? line : spread(value, indent);
}

function spread(value, indent, always = new Set()) {
  const inner = indent + 2;
  const blanks = " ".repeat(inner);
  const isList = Array.isArray(value);
  const items = isList
    ? value.map((item) => blanks + laidOut(item, inner, inner + 1))
    : Object.entries(value).map(([key, item]) => blanks + member(key, item, inner, always.has(key)));
  const [begin, end] = isList ? "[]" : "{}";
  return [begin, items.join(",\n"), " ".repeat(indent) + end].join("\n");
}

function member(key, value, indent, isSpread) {
  const lead = `${JSON.stringify(key)}: `;
  return lead + (isSpread && Object.keys(value).length ? spread(value, indent) : laidOut(value, indent, indent + lead.length + 1));
}

function inLine(value) {
  if (Array.isArray(value)) return `[${value.map(inLine).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${inLine(item)}`).join(", ")}}`;
}
