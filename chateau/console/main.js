/** The page: puts the wire, the house and the three panels together, and says how the connection is. */

import { ConversationView } from "./conversation_view.js";
import { byId, say, show } from "./dom.js";
import { House } from "./house.js";
import { HouseView } from "./house_view.js";
import { Dropped, Refusal, Wire } from "./wire.js";
import { WireView } from "./wire_view.js";

const RENDER_MS = 30; // what comes within this is shown at once
const NAME_KEY = "chateau-name";

const scheme = location.protocol === "https:" ? "wss" : "ws";
const wire = new Wire(`${scheme}://${location.host}${document.documentElement.dataset.prefix}/ws`, {
  async opened() {
    banner("");
    await attempt(() => house.comeBack(), byId("name-refused"));
    if (wire.isOpen) say(byId("status"), "Connected");
  },
  closed(event, pauseMs) {
    say(byId("status"), `Not connected; trying again in ${inSeconds(pauseMs)}`);
    if (event.code === 1008) banner(`The server closed the connection: ${event.reason || "it did not say why"}.`);
    if (wasOpen) house.cutOff();
    wasOpen = false;
  },
  pushed(frame) {
    if (frame.event === "shutdown") sayShutdown(frame);
    else house.hear(frame);
  },
  seen(entry) {
    if (entry.what === "connected") wasOpen = true;
    wireView.add(entry);
    changed();
  },
});
const house = new House(wire, changed);
const houseView = new HouseView(house, { room: join, person: talkTo, left: leave });
const conversationView = new ConversationView(house, send);
const wireView = new WireView();

let wasOpen = false;
let isEntering = false;
let rendering = null;

function changed() {
  rendering ??= setTimeout(render, RENDER_MS);
}

function render() {
  rendering = null;
  const isIn = house.name !== null;
  const wasIn = byId("house").dataset.stage === "inside";
  byId("house").dataset.stage = isIn ? "inside" : "welcome";
  for (const id of ["rooms-and-people", "conversation", "me"]) show(byId(id), isIn);
  show(byId("welcome"), !isIn);
  say(byId("my-name"), house.name ?? "");
  houseView.render();
  conversationView.render();
  wireView.render();
  document.title = house.unread ? `(${house.unread}) Chateau` : "Chateau";
  if (isIn !== wasIn) focusField(byId(isIn ? "room" : "name"));
}

/** Do *action*; a refusal, or a lost connection, is told in *place*, and returned. */
async function attempt(action, place) {
  const error = await failureOf(action);
  say(place, error?.message ?? "");
  changed();
  return error;
}

/** How *action* was refused or cut short; null where it was done. Anything else is a bug, and thrown. */
async function failureOf(action) {
  try {
    await action();
    return null;
  } catch (error) {
    if (error instanceof Refusal || error instanceof Dropped) return error;
    throw error;
  }
}

async function join(name, password) {
  const error = await attempt(() => house.join(name, password), byId("join-refused"));
  const isLocked = error?.code === "access_denied";
  show(byId("password-label"), isLocked);
  if (isLocked) byId("room").value = name;
  if (error) {
    focusField(byId(isLocked ? "password" : "room"));
    return;
  }
  byId("room").value = byId("password").value = "";
  goToConversation();
}

function leave(conversation) {
  return attempt(() => house.leave(conversation), byId("join-refused"));
}

function talkTo(person) {
  house.talkTo(person);
  goToConversation();
}

/** Say *content*; where that fails, it stands in the field again. */
async function send(conversation, content) {
  conversation.draft = "";
  conversation.refused = "";
  render();
  const error = await failureOf(() => house.speak(conversation, content));
  if (error) {
    conversation.refused = error.message;
    conversation.draft ||= content;
  }
  changed();
}

function goToConversation() {
  render();
  conversationView.focus();
  byId("conversation").scrollIntoView({ block: "nearest" });
}

function focusField(field) {
  field.focus();
  field.select();
}

function banner(sentence) {
  say(byId("banner"), sentence);
  show(byId("banner"), sentence !== "");
}

function sayShutdown({ reason }) {
  const why = reason === null ? "" : `: ${reason}`;
  banner(`The server is shutting down${why}. This page comes back by itself when the server does.`);
}

function inSeconds(milliseconds) {
  const seconds = Math.max(1, Math.round(milliseconds / 1000));
  return seconds === 1 ? "a second" : `${seconds} seconds`;
}

/** Take the name in the field, as soon as there is a connection: a quick reader may be there before it. */
async function enter() {
  if (!wire.isOpen) say(byId("name-refused"), "Not connected yet: you will be let in as soon as the page is.");
  await wire.whenOpen();
  const name = byId("name").value.trim();
  if (await attempt(() => house.enter(name), byId("name-refused"))) focusField(byId("name"));
  else remember(name);
}

byId("register").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (isEntering) return;
  isEntering = true;
  await enter().finally(() => {
    isEntering = false;
  });
});

byId("join").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = byId("room").value.trim();
  if (name !== "") join(name, byId("password-label").hidden ? "" : byId("password").value);
});

byId("change-name").addEventListener("click", () => attempt(() => house.goOut(), byId("name-refused")));

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  if (house.active) house.choose(house.active); // it is being read now
  wire.connect();
});
window.addEventListener("online", () => wire.connect());

/** A name to begin with: the one of the last visit, or one that is likely to be free. */
function suggestedName() {
  const birds = ["heron", "finch", "wren", "robin", "plover", "swift", "linnet", "osprey"];
  const bird = birds[Math.floor(Math.random() * birds.length)];
  return remembered() ?? `${bird}-${100 + Math.floor(Math.random() * 900)}`;
}

function remembered() {
  try {
    return localStorage.getItem(NAME_KEY);
  } catch {
    return null; // a reader may have forbidden it
  }
}

function remember(name) {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch {
    // see remembered()
  }
}

byId("name").value = suggestedName();
focusField(byId("name"));
wire.connect();
