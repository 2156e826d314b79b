/** The reference: its examples can be copied, and those that a browser can send can be tried against this server. */

import { element } from "./dom.js";
import { copyButton } from "./docs_copy.js";
import { Talk } from "./docs_talk.js";
import { Trial } from "./docs_trial.js";
import { frameWay, postWay, streamWay } from "./docs_ways.js";
import { offerLargeType } from "./large_type.js";

const NARROW = "(max-width: 60rem)";
const WAYS = { frame: frameWay, post: postWay, stream: streamWay };

const { socket, opening = "" } = document.body.dataset;
const talk = socket ? new Talk(socket, opening) : null;

for (const example of document.querySelectorAll(".example")) equip(example);
addLargeType();
foldContents();

/** Give *example* its buttons. */
function equip(example) {
  const text = example.querySelector("code").textContent;
  const buttons = element("p", { class: "buttons" }, copyButton(text));
  example.append(buttons);
  const { how, where, packageType } = example.dataset;
  if (!how) return;
  const start = element("button", { type: "button", class: "quiet", "aria-expanded": "false" }, "Try it");
  buttons.append(start);
  let trial = null;
  start.addEventListener("click", () => {
    trial ??= new Trial(example, text, WAYS[how](where, packageType, talk));
    start.setAttribute("aria-expanded", String(trial.toggle()));
  });
}

function addLargeType() {
  const button = element("button", { type: "button", class: "quiet" }, "Large type");
  document.querySelector(".bar").append(button);
  offerLargeType(button);
}

/** On a small screen the text comes first: what is on the page is listed when it is asked for. */
function foldContents() {
  const contents = document.querySelector("nav details");
  if (contents && matchMedia(NARROW).matches) contents.open = false;
}
