/**
 * The schemas, and a validator that finds the fault in a value, with the sentence that the server sends.
 *
 * It implements the keywords of JSON Schema 2020-12 that schemas/ uses, and no others; a test fails when a schema uses
 * another one. Of several faults it picks the one that the server picks (chateau/protocols/faults.py).
 */

import { pointerOf } from "./json_text.js";

const REFERENCE = "#/components/schemas/";
const MAX_COMPARED = 20; // faults among which the best one is picked
const MAX_QUOTED = 60; // characters

const TYPES = {
  object: isObject,
  array: Array.isArray,
  string: isString,
  number: isNumber,
  integer: Number.isInteger,
  boolean: (value) => typeof value === "boolean",
  null: (value) => value === null,
};

/** By keyword: whether *value* breaks its rule; *at* has the schema, all schemas and the path. */
const BROKEN = {
  type: (types, value) => ![types].flat().some((type) => TYPES[type](value)),
  const: (wanted, value) => !isSame(wanted, value),
  enum: (wanted, value) => !wanted.some((each) => isSame(each, value)),
  required: (keys, value) => isObject(value) && keys.some((key) => !Object.hasOwn(value, key)),
  minLength: (limit, value) => isString(value) && lengthOf(value) < limit,
  maxLength: (limit, value) => isString(value) && lengthOf(value) > limit,
  pattern: (pattern, value) => isString(value) && !new RegExp(pattern, "u").test(value),
  minimum: (limit, value) => isNumber(value) && value < limit,
  maximum: (limit, value) => isNumber(value) && value > limit,
  exclusiveMinimum: (limit, value) => isNumber(value) && value <= limit,
  minItems: (limit, value) => Array.isArray(value) && value.length < limit,
  maxItems: (limit, value) => Array.isArray(value) && value.length > limit,
  uniqueItems: (_, value) =>
    Array.isArray(value) && value.some((one, place) => value.slice(0, place).some((other) => isSame(one, other))),
  minProperties: (limit, value) => isObject(value) && Object.keys(value).length < limit,
  not: (schema, value, at) => isValid(at, schema, value),
  anyOf: (schemas, value, at) => !schemas.some((schema) => isValid(at, schema, value)),
  oneOf: (schemas, value, at) => schemas.filter((schema) => isValid(at, schema, value)).length !== 1,
};

/** By keyword: the faults that its subschemas find in *value*. */
const INSIDE = {
  *$ref(reference, value, at) {
    yield* faultsOf(at.all, at.all[reference.slice(REFERENCE.length)], value, at.path);
  },
  *properties(schemas, value, at) {
    if (!isObject(value)) return;
    for (const [key, schema] of Object.entries(schemas)) {
      if (Object.hasOwn(value, key)) yield* faultsOf(at.all, schema, value[key], [...at.path, key]);
    }
  },
  *additionalProperties(schema, value, at) {
    if (!isObject(value)) return;
    const others = Object.keys(value).filter((key) => !Object.hasOwn(at.schema.properties ?? {}, key));
    if (schema === false && others.length) yield { ...at, keyword: "additionalProperties", value, path: [...at.path, others[0]] };
    else if (schema !== false) for (const key of others) yield* faultsOf(at.all, schema, value[key], [...at.path, key]);
  },
  *propertyNames(schema, value, at) {
    if (isObject(value)) for (const key of Object.keys(value)) yield* faultsOf(at.all, schema, key, at.path);
  },
  *dependentSchemas(schemas, value, at) {
    if (!isObject(value)) return;
    for (const key of Object.keys(schemas)) {
      if (Object.hasOwn(value, key)) yield* faultsOf(at.all, schemas[key], value, at.path);
    }
  },
  *items(schema, value, at) {
    if (!Array.isArray(value)) return;
    for (const [place, item] of value.entries()) yield* faultsOf(at.all, schema, item, [...at.path, place]);
  },
  *allOf(schemas, value, at) {
    for (const schema of schemas) yield* faultsOf(at.all, schema, value, at.path);
  },
  *if(condition, value, at) {
    yield* faultsOf(at.all, at.schema[isValid(at, condition, value) ? "then" : "else"] ?? true, value, at.path);
  },
};

const SILENT = [
  ...["$schema", "$id", "$defs", "title", "description", "examples", "default", "format", "contentEncoding"],
  ...["then", "else"], // read by if
];

export const KEYWORDS = new Set([...Object.keys(BROKEN), ...Object.keys(INSIDE), ...SILENT]);

export class Schemas {
  #all;

  /** *all*: the schemas by name, as in components.schemas of asyncapi.json. */
  constructor(all) {
    this.#all = all;
  }

  /** Return the schema *name*, with its reference resolved. */
  find(name) {
    return this.resolved(this.#all[name]);
  }

  resolved(schema) {
    return schema?.$ref ? { ...schema, ...this.find(schema.$ref.slice(REFERENCE.length)) } : schema;
  }

  /** Return the chateau messages of a *kind* (request, response, push): [{name, word, type, event, schema}]. */
  messages(kind) {
    const pattern = new RegExp(`^chateau\\.(.+)-${kind}$`);
    const rows = Object.keys(this.#all).filter((name) => pattern.test(name)).map((name) => {
      const { type, event } = this.#all[name].properties;
      return { name, word: pattern.exec(name)[1], type: type.const, event: event?.const, schema: this.#all[name] };
    });
    return rows.filter(({ type }) => type !== undefined).sort((one, other) => one.type - other.type);
  }

  /** Return the name of the schema for *frame*, of *kind*; undefined if there is none. */
  nameOf(kind, frame) {
    if (kind === "error") return "chateau.error-response";
    const { type, event } = frame;
    return this.messages(kind).find((each) => each.type === type && each.event === event)?.name;
  }

  /** Return the fault of *value* by the schema *name*: {sentence, pointer}; null for a valid value. */
  fault(name, value) {
    const found = [];
    for (const fault of faultsOf(this.#all, this.#all[name], value, [])) {
      if (found.push(fault) === MAX_COMPARED) break;
    }
    if (found.length === 0) return null;
    const best = found.reduce((one, other) => (isBetter(other, one) ? other : one));
    return { sentence: sentenceOf(best), pointer: pointerOf(best.path) };
  }
}

function* faultsOf(all, schema, value, path) {
  if (schema === false) yield { all, schema: {}, keyword: "false", value, path };
  const at = { all, schema, path };
  for (const [keyword, limit] of Object.entries(schema)) {
    if (BROKEN[keyword]?.(limit, value, at)) yield { ...at, keyword, value };
    else if (INSIDE[keyword]) yield* INSIDE[keyword](limit, value, at);
  }
}

function isValid(at, schema, value) {
  return faultsOf(at.all, schema, value, at.path).next().done;
}

/** Return whether *one* is the better fault to report: the outer one, the first in a list, the last key by alphabet. */
function isBetter(one, other) {
  const [these, those] = [rankOf(one), rankOf(other)];
  if (these.depth !== those.depth) return these.depth < those.depth;
  const place = these.path.findIndex((part, each) => part !== those.path[each]);
  if (place >= 0) {
    const [this_, that] = [these.path[place], those.path[place]];
    return typeof this_ === "number" ? this_ < that : this_ > that;
  }
  return these.weight > those.weight;
}

function rankOf({ path, keyword, schema, value }) {
  const isSurplus = keyword === "additionalProperties";
  const place = isSurplus ? path.slice(0, -1) : path;
  const hasType = schema.type !== undefined && !BROKEN.type(schema.type, value);
  return { depth: place.length, path: place, weight: (keyword.endsWith("Of") ? 0 : 2) + (hasType ? 0 : 1) };
}

const SENTENCES = {
  required: (place, { schema, value }) => {
    const missing = schema.required.find((key) => !Object.hasOwn(value, key));
    return `${quoted(missing)} is missing from ${place}.`;
  },
  additionalProperties: (place, { schema }) =>
    `${place} is not a key of this message; its keys are ${Object.keys(schema.properties).join(", ")}.`,
  type: (place, { schema }) => `${place} must be of the type ${[schema.type].flat().join(" or ")}.`,
  minLength: (place, { schema }) => `${place} must have at least ${schema.minLength} character(s).`,
  maxLength: (place, { schema, value }) =>
    `${place} must have at most ${schema.maxLength} characters; it has ${lengthOf(value)}.`,
  minItems: (place, { schema }) => `${place} must have at least ${schema.minItems} item(s).`,
  maxItems: (place, { schema, value }) => `${place} must have at most ${schema.maxItems} items; it has ${value.length}.`,
  minimum: (place, { schema }) => `${place} must be at least ${schema.minimum}.`,
  maximum: (place, { schema }) => `${place} must be at most ${schema.maximum}.`,
  pattern: (place, { schema }) => `${place} does not match the required format. ${descriptionOf(schema)}`,
  enum: (place, { schema }) => `${place} must be one of ${schema.enum.join(", ")}.`,
  const: (place, { schema }) => `${place} must be ${JSON.stringify(schema.const)}.`,
  anyOf: (place, { schema }) => `${place} matches none of the allowed forms. ${descriptionOf(schema)}`,
  false: (place) => `${place} must be absent.`,
};

function sentenceOf(fault) {
  const place = fault.path.length ? quoted(fault.path.join("/")) : "the message";
  return SENTENCES[fault.keyword]?.(place, fault) ?? `${place} violates the keyword ${quoted(fault.keyword)} of the schema.`;
}

function descriptionOf({ description = "The schema has the details." }) {
  return description;
}

function quoted(text) {
  const characters = [...text];
  return `"${characters.length > MAX_QUOTED ? `${characters.slice(0, MAX_QUOTED - 1).join("")}…` : text}"`;
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isString(value) {
  return typeof value === "string";
}

function isNumber(value) {
  return typeof value === "number";
}

function lengthOf(text) {
  return [...text].length;
}

function isSame(one, other) {
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return one === other;
  const keys = Object.keys(one);
  return (
    Array.isArray(one) === Array.isArray(other) &&
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && isSame(one[key], other[key]))
  );
}
