/** The page: puts the wire, the house and the three panels together, and says how the connection is. */

import { Composer } from "./composer.js";
import { ConversationView } from "./conversation_view.js";
import { byId, element, say, show } from "./dom.js";
import { House } from "./house.js";
import { HouseView } from "./house_view.js";
import { Inspector } from "./inspector.js";
import { offerLargeType } from "./large_type.js";
import { belongs, scenarioOf } from "./scenario.js";
import { Schemas } from "./schema.js";
import { Dropped, Refusal, Wire } from "./wire.js";
import { WireView } from "./wire_view.js";
import { Writings } from "./writings.js";

const RENDER_MS = 30; // what comes within this is shown at once
const NAME_KEY = "chateau-name";

const KICKED = /^kicked(?:: (.*))?$/s;
const scheme = location.protocol === "https:" ? "wss" : "ws";
const { prefix } = document.documentElement.dataset;
const wire = new Wire(`${scheme}://${location.host}${prefix}/ws`, {
  async opened() {
    if (!wasKicked) banner("");
    await attempt(() => house.comeBack(), byId("name-refused"));
    if (wire.isOpen) say(byId("status"), "Connected");
  },
  closed(event, pauseMs) {
    say(byId("status"), `Not connected; trying again in ${inSeconds(pauseMs)}`);
    sayTapped(false);
    if (event.code === 1008) sayClosed(event.reason);
    if (wasOpen) house.cutOff();
    wasOpen = false;
  },
  pushed(frame) {
    (TOLD[frame.event] ?? ((other) => house.hear(other)))(frame);
  },
  seen(entry) {
    if (entry.what === "connected") wasOpen = true;
    if (belongs(entry, house.name)) session.push(entry);
    wireView.add(entry);
    changed();
  },
});
const house = new House(wire, changed);
const houseView = new HouseView(house, { room: join, person: talkTo, left: leave });
const conversationView = new ConversationView(house, send);
const writings = new Writings(`${prefix}/renderings`);
const wireView = new WireView(new Inspector(schemas, (entry) => writings.of(entry)));
new Composer(schemas, () => ({ room: house.rooms.map(({ room }) => room), username: house.people }), sayByHand);

/** What the server tells of itself. */
const TOLD = { shutdown: sayShutdown, tapped: ({ active }) => sayTapped(active) };

const session = []; // entries of the wire that a scenario has to have

let knownSchemas = null;
let wasOpen = false;
let wasKicked = false;
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
  const isElsewhere = byId("wire").contains(document.activeElement); // where a frame written by hand did it
  if (isIn !== wasIn && !isElsewhere) focusField(byId(isIn ? "room" : "name"));
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

/** The schemas, asked for when somebody wants to know. */
function schemas() {
  knownSchemas ??= askForSchemas().catch((error) => {
    knownSchemas = null; // the next time will tell
    throw error;
  });
  return knownSchemas;
}

async function askForSchemas() {
  const answer = await fetch(`${prefix}/asyncapi.json`);
  return new Schemas((await answer.json()).components.schemas);
}

/** Send *text* as it is, and show its answer; what it did to the house, the house learns. */
async function sayByHand(text) {
  let answered;
  const error = await failureOf(async () => {
    answered = await wire.say(text);
  });
  if (error) return error.message;
  const { frame, entry } = answered;
  if (frame.status === 200) house.learn(JSON.parse(text), frame);
  render();
  wireView.choose(entry);
  return `${frame.status === 200 ? "Done" : `Refused (${frame.code})`}: the answer is shown above.`;
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
  goOn();
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
  } else goOn();
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

function sayTapped(isTapped) {
  say(byId("tapped"), isTapped ? "A keeper of the house sees what you send and get." : "");
}

/** Why the server closed the connection; who was sent away goes on reading it after coming back. */
function sayClosed(reason) {
  const kicked = KICKED.exec(reason);
  wasKicked = kicked !== null;
  if (!wasKicked) banner(`The server closed the connection: ${reason || "it did not say why"}.`);
  else banner(`A keeper of the house sent you away${kicked[1] ? `: ${kicked[1]}` : ""}.`);
}

/** What was told of being sent away has been read, since somebody goes on here. */
function goOn() {
  if (wasKicked) banner("");
  wasKicked = false;
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

byId("save").addEventListener("click", () => {
  const time = new Date().toISOString().slice(0, 16).replace("T", " ");
  const file = new Blob([scenarioOf(session, `A session of the page, saved at ${time} UTC`)], { type: "application/json" });
  const address = URL.createObjectURL(file);
  element("a", { href: address, download: "session.json" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
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

offerLargeType(byId("large-type"));
byId("name").value = suggestedName();
focusField(byId("name"));
wire.connect();
