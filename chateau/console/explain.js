/** The check of a frame: which schema applies to it, whether it is valid, and where the fault is. */

import { read } from "./json_text.js";

const KINDS = { string: "a string", number: "a number", boolean: "a boolean" };
const NO_SCHEMA = { code: "unknown_type", sentence: "There is no schema for this frame." };

/** Return the kind of a frame: request, response, push, or error. */
function kindOf(direction, frame) {
  if (direction === "out") return "request";
  if ("sender" in frame || "event" in frame) return "push";
  return frame.status === 400 ? "error" : "response";
}

/**
 * Check *text* against *schemas*; return {node, kind, schema, fault}. A fault has a code, a sentence, and a *pointer*
 * into the frame; for text that is not JSON, it has *at*, an offset in the text. Without a fault the frame is valid.
 */
export function verdictOf(direction, text, schemas) {
  let node;
  try {
    node = read(text);
  } catch (error) {
    return { fault: { code: "invalid_json", sentence: error.message, at: error.at } };
  }
  if (!node.members) {
    const sentence = `A message must be a JSON object, not ${kindInWords(node)}.`;
    return { node, fault: { code: "not_an_object", sentence, pointer: "" } };
  }
  const kind = kindOf(direction, node.value);
  const schema = schemas.nameOf(kind, node.value);
  if (schema === undefined) return { node, kind, fault: kind === "request" ? unknownType(node) : NO_SCHEMA };
  const fault = schemas.fault(schema, node.value);
  return { node, kind, schema, fault: fault && { code: "invalid_message", ...fault } };
}

function kindInWords({ items, value }) {
  return items ? "an array" : value === null ? "null" : KINDS[typeof value];
}

function unknownType({ members }) {
  const [, type] = members.find(([key]) => key === "type") ?? [];
  const rule = "expected an integer from 1 to 9.";
  const sentence = type ? `Unknown type ${type.text ?? kindInWords(type)}; ${rule}` : `"type" is missing; ${rule}`;
  return { code: "unknown_type", sentence, pointer: type ? "/type" : "" };
}
