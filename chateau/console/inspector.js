/**
 * The chosen frame: laid out, checked against its schema, with the fault marked where it is, and what the server said.
 *
 * A refusal shows the request that it answers too, for that is where the fault is.
 */

import { byId, element, say, show } from "./dom.js";
import { verdictOf } from "./explain.js";
import { laidOut } from "./json_text.js";
import { summary, titleOf } from "./wire_view.js";

export class Inspector {
  #schemas;
  #writings;
  #shown = null;
  #choose;

  /** *schemas()* promises the Schemas, *writings(entry)* an element with what the five protocols would write. */
  constructor(schemas, writings) {
    this.#schemas = schemas;
    this.#writings = writings;
  }

  /** Show *entry*; *choose(other)*: somebody wants to see the request or the answer that belongs to it. */
  async show(entry, choose) {
    this.#shown = entry;
    this.#choose = choose;
    say(byId("frame-title"), titleOf(entry));
    this.#put(entry, null);
    show(byId("frame"), true);
    byId("frame-body").scrollTop = 0;
    if (entry.direction === "note") return;
    const schemas = await this.#schemas().catch(() => null);
    if (this.#shown !== entry) return;
    this.#put(entry, schemas);
    if (schemas === null) say(byId("frame-verdict"), "The schemas could not be loaded: it is not checked.");
    this.#reveal(byId("frame-parts").querySelector("mark"));
  }

  /** Bring *mark* into sight, without moving more than the frame. */
  #reveal(mark) {
    const body = byId("frame-body");
    if (mark) body.scrollTop += Math.max(0, mark.getBoundingClientRect().bottom - body.getBoundingClientRect().bottom + 8);
  }

  hide() {
    this.#shown = null;
    show(byId("frame"), false);
  }

  #put(entry, schemas) {
    const isRefusal = entry.code !== undefined && entry.request !== undefined;
    const { verdict, text, isRight } = this.#frame(entry, schemas, "frame-text");
    const shown = isRefusal ? this.#refusal(entry, schemas, verdict, text) : [text];
    if (!isRefusal) byId("frame-verdict").replaceChildren(...verdict);
    const hasOthers = isRight && (entry.direction === "out" || isRefusal || !entry.request);
    const writings = hasOthers ? [this.#writings(entry)] : [];
    byId("frame-parts").replaceChildren(...shown, ...this.#counterpart(entry), ...writings);
  }

  /** *entry*, laid out, the sentences about it, and whether it keeps to its schema. */
  #frame(entry, schemas, id) {
    if (entry.direction === "note") return { verdict: [], text: pre(id, `${entry.what} ${entry.detail}`) };
    if (!entry.isWhole) return { verdict: ["It is too long to be checked here."], text: pre(id, cutShort(entry)) };
    if (schemas === null) return { verdict: [], text: pre(id, entry.text) };
    const verdict = verdictOf(entry.direction, entry.text, schemas);
    const refusal = entry.answer?.code === undefined ? null : JSON.parse(entry.answer.text);
    const fault = refusal ? toldBy(refusal, verdict.fault) : verdict.fault;
    const shown = verdict.node ? withMark(laidOut(verdict.node), fault?.pointer) : withPlace(entry.text, fault.at);
    const breaks = entry.direction === "in" ? "It does not keep to its schema" : "It would be refused";
    const said = sentences(verdict, fault, refusal ? "The server refused it" : breaks);
    return { verdict: said, text: pre(id, ...shown), isRight: !verdict.fault };
  }

  /** The request that *entry* refuses, with the fault in it, then the refusal itself. */
  #refusal(entry, schemas, verdict, text) {
    const request = this.#frame(entry.request, schemas, "request-text");
    byId("frame-verdict").replaceChildren(...request.verdict);
    const own = element("p", { class: "muted" }, ...verdict);
    return [element("h3", {}, "The request"), request.text, element("h3", {}, "The refusal"), text, own];
  }

  #counterpart({ direction, request, answer }) {
    if (direction === "out" && !answer) return [element("p", { class: "muted" }, "No answer has come.")];
    const other = direction === "out" ? answer : request;
    if (!other) return [];
    const words = direction === "out" ? `Answered by ${summary(answer)}` : `Answers ${summary(request)}`;
    const shows = direction === "out" ? "Show the answer" : "Show the request";
    const button = element("button", { type: "button", class: "quiet" }, shows);
    button.addEventListener("click", () => {
      this.#choose(other);
      byId("frame-close").focus();
    });
    return [element("p", { class: "field muted" }, `${words}. `, button)];
  }
}

/** The fault as the *refusal* tells it; where it names no place, ours is as good. */
function toldBy({ code, error, path }, own) {
  const place = path === undefined && own?.code === code ? own : { pointer: path };
  return { ...place, code, sentence: error };
}

function sentences({ schema, fault: own }, fault, breaks) {
  const link = schema ? [linkTo(schema)] : [];
  if (!fault) return ["It keeps to its schema, ", ...link, "."];
  const place = fault.pointer === undefined ? "" : ` at ${fault.pointer === "" ? "the message as a whole" : fault.pointer}`;
  const isByForm = own || fault.code === "invalid_message";
  const rule = schema ? [isByForm ? " The schema: " : " It keeps to its schema, ", ...link, "."] : [];
  const sentence = element("strong", { class: "refused" }, fault.sentence);
  return [`${breaks} (`, linkToCode(fault.code), `)${place}: `, sentence, ...rule];
}

function linkTo(schema) {
  const name = schema.replace("chateau.", "");
  return link(`schemas/chateau/${name}.json`, name);
}

function linkToCode(code) {
  return link(`docs/errors#${code}`, code);
}

/** A link beside this page, so that the conversation goes on. */
function link(address, text) {
  const { prefix } = document.documentElement.dataset;
  return element("a", { href: `${prefix}/${address}`, target: "_blank" }, text);
}

/** *lines*, with the one at *pointer* marked, or else the nearest one around it. */
function withMark(lines, pointer) {
  let marked;
  for (let place = pointer; place !== undefined && !marked; place = outside(place)) {
    marked = lines.find((line) => line.pointer === place);
  }
  return lines.flatMap((line) => {
    const [indent, end] = [" ".repeat(line.indent), line === lines.at(-1) ? "" : "\n"];
    return line === marked ? [indent, ...here(line.text), end] : [`${indent}${line.text}${end}`];
  });
}

function outside(pointer) {
  return pointer === "" ? undefined : pointer.replace(/\/[^/]*$/, "");
}

/** *text*, which is no JSON, with the character marked that begins what is wrong, where that was the reason. */
function withPlace(text, at) {
  if (at === undefined) return [text];
  return [text.slice(0, at), ...here(text[at] ?? ""), text.slice(at + 1)];
}

function here(text) {
  return [element("mark", {}, text), element("span", { class: "here" }, " ← here")];
}

function cutShort({ text, size }) {
  return `${text} …\n(the first ${text.length} characters of ${size} bytes)`;
}

function pre(id, ...children) {
  return element("pre", { id }, ...children);
}
