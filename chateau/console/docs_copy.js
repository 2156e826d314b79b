/** Copying: by the clipboard where a browser lets a page use it, else by a selection. */

import { element } from "./dom.js";

const SHOWN_MS = 2000;

/** A button that copies *text*, and says whether it has. */
export function copyButton(text) {
  const button = element("button", { type: "button", class: "quiet" }, "Copy");
  const told = element("span", { class: "unseen", role: "status" });
  button.addEventListener("click", async () => {
    told.textContent = button.textContent = (await copied(text)) ? "Copied" : "Not allowed";
    setTimeout(() => (button.textContent = "Copy"), SHOWN_MS);
  });
  return element("span", {}, button, told);
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedBySelection(text); // no clipboard by plain http, but at localhost
  }
}

function copiedBySelection(text) {
  const before = document.activeElement;
  const field = element("textarea", { class: "unseen", readonly: "" });
  field.value = text;
  document.body.append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  before?.focus();
  return isDone;
}
