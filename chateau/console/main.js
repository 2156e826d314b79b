/** The chat page: connects the WebSocket, the chat state and the three panels, and shows the connection's status. */

import { ChatState } from "./chat_state.js";
import { Composer } from "./composer.js";
import { Connection, ConnectionLost, ErrorResponse } from "./connection.js";
import { ConversationView } from "./conversation_view.js";
import { byId, element, setText, show } from "./dom.js";
import { formatSeconds } from "./format.js";
import { FrameList } from "./frame_list.js";
import { Inspector } from "./inspector.js";
import { offerLargeType, store, stored } from "./preferences.js";
import { belongs, scenarioOf } from "./scenario.js";
import { Schemas } from "./schema.js";
import { Sidebar } from "./sidebar.js";
import { Translations } from "./translations.js";

const RENDER_MS = 30; // changes within this time are rendered together
const NAME_KEY = "chateau-name";
const BIRDS = ["heron", "finch", "wren", "robin", "plover", "swift", "linnet", "osprey"]; // for a suggested name

const KICKED = /^kicked(?:: (.*))?$/s;
const scheme = location.protocol === "https:" ? "wss" : "ws";
const { prefix } = document.documentElement.dataset;
const connection = new Connection(`${scheme}://${location.host}${prefix}/ws`, {
  async opened() {
    if (!wasKicked) showBanner("");
    await attempt(() => state.resume(), byId("name-error"));
    if (connection.isOpen) setText(byId("status"), "Connected");
  },
  closed(event, pauseMs) {
    setText(byId("status"), `Not connected; trying again in ${formatSeconds(pauseMs)}`);
    showTapped(false);
    if (event.code === 1008) showClosed(event.reason);
    if (wasOpen) state.disconnected();
    wasOpen = false;
  },
  pushed(frame) {
    (SERVER_EVENTS[frame.event] ?? ((other) => state.receive(other)))(frame);
  },
  seen(entry) {
    if (entry.what === "connected") wasOpen = true;
    if (belongs(entry, state.name)) session.push(entry);
    frameList.add(entry);
    changed();
  },
});
const state = new ChatState(connection, changed);
const sidebar = new Sidebar(state, { room: join, person: talkTo, left: leave });
const conversationView = new ConversationView(state, send);
const translations = new Translations(`${prefix}/renderings`);
const frameList = new FrameList(new Inspector(schemas, (entry) => translations.of(entry)));
new Composer(schemas, () => ({ room: state.rooms.map(({ room }) => room), username: state.people }), sendFrame);

/** Handlers of the server's own events. */
const SERVER_EVENTS = { shutdown: showShutdown, tapped: ({ active }) => showTapped(active) };

const session = []; // the entries that a saved scenario is made of

let knownSchemas = null;
let wasOpen = false;
let wasKicked = false;
let isRegistering = false;
let rendering = null;

function changed() {
  rendering ??= setTimeout(render, RENDER_MS);
}

function render() {
  rendering = null;
  const isRegistered = state.name !== null;
  const wasRegistered = byId("chat").dataset.stage === "inside";
  byId("chat").dataset.stage = isRegistered ? "inside" : "welcome";
  for (const id of ["rooms-and-people", "conversation", "me"]) show(byId(id), isRegistered);
  show(byId("welcome"), !isRegistered);
  setText(byId("my-name"), state.name ?? "");
  sidebar.render();
  conversationView.render();
  frameList.render();
  document.title = state.unread ? `(${state.unread}) Chateau` : "Chateau";
  const isComposing = byId("frame-panel").contains(document.activeElement); // a frame written by hand registered
  if (isRegistered !== wasRegistered && !isComposing) focusField(byId(isRegistered ? "room" : "name"));
}

/** Run *action*; show an error response or a lost connection in *target*, and return it. */
async function attempt(action, target) {
  const error = await failureOf(action);
  setText(target, error?.message ?? "");
  changed();
  return error;
}

/** Return the error response or the loss of connection that ended *action*, or null. Any other error is a bug. */
async function failureOf(action) {
  try {
    await action();
    return null;
  } catch (error) {
    if (error instanceof ErrorResponse || error instanceof ConnectionLost) return error;
    throw error;
  }
}

/** Promise the schemas, which are fetched at their first use. */
function schemas() {
  knownSchemas ??= fetchSchemas().catch((error) => {
    knownSchemas = null; // the next use fetches again
    throw error;
  });
  return knownSchemas;
}

async function fetchSchemas() {
  const response = await fetch(`${prefix}/asyncapi.json`);
  return new Schemas((await response.json()).components.schemas);
}

/** Send *text* unchanged, show its response, and apply its effect to the chat state. Return a sentence about it. */
async function sendFrame(text) {
  let received;
  const error = await failureOf(async () => {
    received = await connection.send(text);
  });
  if (error) return error.message;
  const { frame, entry } = received;
  if (frame.status === 200) state.apply(JSON.parse(text), frame);
  render();
  frameList.choose(entry);
  return `${frame.status === 200 ? "Done" : `Error (${frame.code})`}: the response is shown above.`;
}

async function join(name, password) {
  const error = await attempt(() => state.join(name, password), byId("join-error"));
  const isLocked = error?.code === "access_denied";
  show(byId("password-label"), isLocked);
  if (isLocked) byId("room").value = name;
  if (error) {
    focusField(byId(isLocked ? "password" : "room"));
    return;
  }
  dismissKick();
  byId("room").value = byId("password").value = "";
  showConversation();
}

function leave(conversation) {
  return attempt(() => state.leave(conversation), byId("join-error"));
}

function talkTo(person) {
  state.talkTo(person);
  showConversation();
}

/** Send *content*; where that fails, put it back into the field. */
async function send(conversation, content) {
  conversation.draft = "";
  conversation.error = "";
  render();
  const error = await failureOf(() => state.send(conversation, content));
  if (error) {
    conversation.error = error.message;
    conversation.draft ||= content;
  } else dismissKick();
  changed();
}

function showConversation() {
  render();
  conversationView.focus();
  byId("conversation").scrollIntoView({ block: "nearest" });
}

function focusField(field) {
  field.focus();
  field.select();
}

function showBanner(sentence) {
  setText(byId("banner"), sentence);
  show(byId("banner"), sentence !== "");
}

function showTapped(isTapped) {
  setText(byId("tapped"), isTapped ? "An admin is monitoring this session: every frame that you send and receive." : "");
}

/** Show why the server closed the connection; the reason of a kick stays after the page has reconnected. */
function showClosed(reason) {
  const kicked = KICKED.exec(reason);
  wasKicked = kicked !== null;
  if (!wasKicked) showBanner(`The server closed the connection: ${reason || "no reason given"}.`);
  else showBanner(`An admin disconnected you${kicked[1] ? `: ${kicked[1]}` : ""}.`);
}

/** Remove the banner about a kick: the user acts again, and so has read it. */
function dismissKick() {
  if (wasKicked) showBanner("");
  wasKicked = false;
}

function showShutdown({ reason }) {
  const why = reason === null ? "" : `: ${reason}`;
  showBanner(`The server is shutting down${why}. This page reconnects when the server is back.`);
}

/** Register the name in the field, after waiting for a connection: a quick user may submit before there is one. */
async function register() {
  if (!connection.isOpen) setText(byId("name-error"), "Not connected yet; your name is registered as soon as the page is connected.");
  await connection.whenOpen();
  const name = byId("name").value.trim();
  if (await attempt(() => state.register(name), byId("name-error"))) focusField(byId("name"));
  else store(NAME_KEY, name);
}

byId("register").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (isRegistering) return;
  isRegistering = true;
  await register().finally(() => {
    isRegistering = false;
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

byId("change-name").addEventListener("click", () => attempt(() => state.unregister(), byId("name-error")));

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  if (state.active) state.choose(state.active); // marks it as read
  connection.connect();
});
window.addEventListener("online", () => connection.connect());

/** Return the name of the last visit, or one that is probably free. */
function suggestedName() {
  const bird = BIRDS[Math.floor(Math.random() * BIRDS.length)];
  return stored(NAME_KEY) ?? `${bird}-${100 + Math.floor(Math.random() * 900)}`;
}

offerLargeType(byId("large-type"));
byId("name").value = suggestedName();
focusField(byId("name"));
connection.connect();
