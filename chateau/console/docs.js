/** The reference pages: every example can be copied, and those that a browser can send can be tried on this server. */

import { TryIt, TryItConnection, frameTry, postTry, streamTry } from "./docs_try_it.js";
import { element } from "./dom.js";
import { offerLargeType } from "./preferences.js";

const NARROW = "(max-width: 60rem)";
const COPIED_MS = 2000; // how long the button confirms
const KINDS = { frame: frameTry, post: postTry, stream: streamTry };

const { socket, opening = "" } = document.body.dataset;
const connection = socket ? new TryItConnection(socket, opening) : null;

for (const example of document.querySelectorAll(".example")) addButtons(example);
addLargeType();
foldContents();

/** Add the buttons "Copy" and, where the example can be sent, "Try it". */
function addButtons(example) {
  const text = example.querySelector("code").textContent;
  const buttons = element("p", { class: "buttons" }, copyButton(text));
  example.append(buttons);
  const { how, where, packageType } = example.dataset;
  if (!how) return;
  const start = element("button", { type: "button", class: "quiet", "aria-expanded": "false" }, "Try it");
  buttons.append(start);
  let panel = null;
  start.addEventListener("click", () => {
    panel ??= new TryIt(example, text, KINDS[how](where, packageType, connection));
    start.setAttribute("aria-expanded", String(panel.toggle()));
  });
}

function copyButton(text) {
  const button = element("button", { type: "button", class: "quiet" }, "Copy");
  const status = element("span", { class: "unseen", role: "status" });
  button.addEventListener("click", async () => {
    status.textContent = button.textContent = (await copy(text)) ? "Copied" : "Not allowed";
    setTimeout(() => (button.textContent = "Copy"), COPIED_MS);
  });
  return element("span", {}, button, status);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // over plain HTTP only localhost has a clipboard
  }
}

function copyBySelection(text) {
  const focused = document.activeElement;
  const field = element("textarea", { class: "unseen", readonly: "" });
  field.value = text;
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return isCopied;
}

function addLargeType() {
  const button = element("button", { type: "button", class: "quiet" }, "Large type");
  document.querySelector(".bar").append(button);
  offerLargeType(button);
}

/** Fold the table of contents on a small screen, so that the text comes first. */
function foldContents() {
  const contents = document.querySelector("nav details");
  if (contents && matchMedia(NARROW).matches) contents.open = false;
}
