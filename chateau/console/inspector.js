/**
 * The chosen frame: indented, checked against its schema, with the fault marked, and the error that the server sent.
 *
 * An error response is shown with its request, which contains the fault.
 */

import { byId, element, setText, show } from "./dom.js";
import { verdictOf } from "./explain.js";
import { indented } from "./json_text.js";
import { summary, titleOf } from "./frame_list.js";

export class Inspector {
  #schemas;
  #translations;
  #shown = null;
  #choose;

  /** *schemas()* promises the Schemas; *translations(entry)* returns an element with the frame in all five protocols. */
  constructor(schemas, translations) {
    this.#schemas = schemas;
    this.#translations = translations;
  }

  /** Show *entry*; *choose(other)* is called to show its request or its response instead. */
  async show(entry, choose) {
    this.#shown = entry;
    this.#choose = choose;
    setText(byId("frame-title"), titleOf(entry));
    this.#put(entry, null);
    show(byId("frame"), true);
    byId("frame-body").scrollTop = 0;
    if (entry.direction === "note") return;
    const schemas = await this.#schemas().catch(() => null);
    if (this.#shown !== entry) return;
    this.#put(entry, schemas);
    if (schemas === null) setText(byId("frame-verdict"), "Not checked: the schemas could not be loaded.");
    this.#reveal(byId("frame-parts").querySelector("mark"));
  }

  /** Scroll *mark* into view, moving nothing but the frame. */
  #reveal(mark) {
    const body = byId("frame-body");
    if (mark) body.scrollTop += Math.max(0, mark.getBoundingClientRect().bottom - body.getBoundingClientRect().bottom + 8);
  }

  hide() {
    this.#shown = null;
    show(byId("frame"), false);
  }

  #put(entry, schemas) {
    const isError = entry.code !== undefined && entry.request !== undefined;
    const { verdict, text, isRight } = this.#frame(entry, schemas, "frame-text");
    const shown = isError ? this.#errorParts(entry, schemas, verdict, text) : [text];
    if (!isError) byId("frame-verdict").replaceChildren(...verdict);
    const isTranslated = isRight && (entry.direction === "out" || isError || !entry.request);
    const translations = isTranslated ? [this.#translations(entry)] : [];
    byId("frame-parts").replaceChildren(...shown, ...this.#counterpart(entry), ...translations);
  }

  /** Return *entry*, indented, with the sentences about it, and whether it is valid. */
  #frame(entry, schemas, id) {
    if (entry.direction === "note") return { verdict: [], text: pre(id, `${entry.what} ${entry.detail}`) };
    if (!entry.isWhole) return { verdict: ["Not checked: the frame is too long."], text: pre(id, cutShort(entry)) };
    if (schemas === null) return { verdict: [], text: pre(id, entry.text) };
    const verdict = verdictOf(entry.direction, entry.text, schemas);
    const error = entry.response?.code === undefined ? null : JSON.parse(entry.response.text);
    const fault = error ? reportedBy(error, verdict.fault) : verdict.fault;
    const shown = verdict.node ? withMark(indented(verdict.node), fault?.pointer) : withPlace(entry.text, fault.at);
    const problem = entry.direction === "in" ? "It does not match its schema" : "The server would reject it";
    const words = sentences(verdict, fault, error ? "The server rejected it" : problem);
    return { verdict: words, text: pre(id, ...shown), isRight: !verdict.fault };
  }

  /** Return the request of *entry*, an error response, with the fault marked, and then the response itself. */
  #errorParts(entry, schemas, verdict, text) {
    const request = this.#frame(entry.request, schemas, "request-text");
    byId("frame-verdict").replaceChildren(...request.verdict);
    const own = element("p", { class: "muted" }, ...verdict);
    return [element("h3", {}, "The request"), request.text, element("h3", {}, "The error response"), text, own];
  }

  #counterpart({ direction, request, response }) {
    if (direction === "out" && !response) return [element("p", { class: "muted" }, "No response yet.")];
    const other = direction === "out" ? response : request;
    if (!other) return [];
    const words = direction === "out" ? `The response is ${summary(response)}` : `The request is ${summary(request)}`;
    const shows = direction === "out" ? "Show the response" : "Show the request";
    const button = element("button", { type: "button", class: "quiet" }, shows);
    button.addEventListener("click", () => {
      this.#choose(other);
      byId("frame-close").focus();
    });
    return [element("p", { class: "field muted" }, `${words}. `, button)];
  }
}

/** Return the fault that the *error* response describes; its path may be missing, and then ours is used. */
function reportedBy({ code, error, path }, own) {
  const place = path === undefined && own?.code === code ? own : { pointer: path };
  return { ...place, code, sentence: error };
}

function sentences({ schema, fault: own }, fault, problem) {
  const link = schema ? [linkTo(schema)] : [];
  if (!fault) return ["It matches its schema, ", ...link, "."];
  const place = fault.pointer === undefined ? "" : ` at ${fault.pointer === "" ? "the message as a whole" : fault.pointer}`;
  const isInvalid = own || fault.code === "invalid_message";
  const rule = schema ? [isInvalid ? " The schema is " : " It matches its schema, ", ...link, "."] : [];
  const sentence = element("strong", { class: "error" }, fault.sentence);
  return [`${problem} (`, linkToCode(fault.code), `)${place}: `, sentence, ...rule];
}

function linkTo(schema) {
  const name = schema.replace("chateau.", "");
  return link(`schemas/chateau/${name}.json`, name);
}

function linkToCode(code) {
  return link(`docs/errors#${code}`, code);
}

/** Return a link that opens a new tab, so that this page stays connected. */
function link(address, text) {
  const { prefix } = document.documentElement.dataset;
  return element("a", { href: `${prefix}/${address}`, target: "_blank" }, text);
}

/** Return *lines* with the one at *pointer* marked, or else the one of the nearest container. */
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

/** Return *text*, which is not JSON, with the character at *at* marked, where the fault is one of syntax. */
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
