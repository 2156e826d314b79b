/** What there is to say of a frame: which schema it has to keep to, whether it does, and what is wrong where. */

import { read } from "./json_text.js";

const KINDS = { string: "a string", number: "a number", boolean: "a boolean" };
const NO_SCHEMA = { code: "unknown_type", sentence: "There is no schema for such a frame." };

/** What kind of frame it is: request, answer, push, or refusal. */
function kindOf(direction, frame) {
  if (direction === "out") return "request";
  if ("sender" in frame || "event" in frame) return "push";
  return frame.status === 400 ? "refusal" : "answer";
}

/**
 * What *schemas* say to *text*: {node, kind, schema, fault}. Without a fault it keeps to the *schema*; a fault has a
 * code, a sentence, and a *pointer* into the frame, or *at*, a place in the text, where the text is no JSON.
 */
export function verdictOf(direction, text, schemas) {
  let node;
  try {
    node = read(text);
  } catch (error) {
    return { fault: { code: "invalid_json", sentence: error.message, at: error.at } };
  }
  if (!node.members) {
    const sentence = `A message is a JSON object, not ${kindInWords(node)}.`;
    return { node, fault: { code: "not_an_object", sentence, pointer: "" } };
  }
  const kind = kindOf(direction, node.value);
  const schema = schemas.nameOf(kind, node.value);
  if (schema === undefined) return { node, kind, fault: kind === "request" ? noSuchType(node) : NO_SCHEMA };
  const fault = schemas.fault(schema, node.value);
  return { node, kind, schema, fault: fault && { code: "invalid_message", ...fault } };
}

function kindInWords({ items, value }) {
  return items ? "an array" : value === null ? "null" : KINDS[typeof value];
}

function noSuchType({ members }) {
  const [, type] = members.find(([key]) => key === "type") ?? [];
  const rule = "it is an integer from 1 to 9.";
  const sentence = type ? `${type.text ?? kindInWords(type)} is no type; ${rule}` : `"type" is missing; ${rule}`;
  return { code: "unknown_type", sentence, pointer: type ? "/type" : "" };
}
