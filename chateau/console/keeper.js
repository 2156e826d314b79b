/** The lecturer's view: asks for the key, listens to the house, and puts its panels together. */

import { Admin, failureOf } from "./admin.js";
import { Chart } from "./charts.js";
import { byId, say, show } from "./dom.js";
import { Bans } from "./keeper_bans.js";
import { Question } from "./keeper_question.js";
import { Rooms } from "./keeper_rooms.js";
import { Sessions, inBytes } from "./keeper_sessions.js";
import { Tap } from "./keeper_tap.js";
import { offerLargeType } from "./large_type.js";

const SILENCE_MS = 6_000; // the house speaks every second
const SPANS = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
];

const admin = new Admin(`${document.documentElement.dataset.prefix}/admin/`);
const bans = new Bans(admin);
const rooms = new Rooms(admin);
const tap = new Tap(admin, tapChanged);
const sessions = new Sessions(admin, tap, bans);
const rate = new Chart(byId("rate"), { title: "Messages a second", unit: "", least: 5, series: ["rate"] });
const latency = new Chart(byId("latency"), { title: "Delivery latency", unit: " ms", least: 1, series: ["p50", "p99"] });

const HEARD = {
  house: hearHouse,
  sessions: (latest) => sessions.heard(latest),
  rooms: (latest) => rooms.heard(latest),
};

let live = null;
let isEntering = false;
let isClosing = false; // the shutdown was asked for here

async function enter() {
  const field = byId("key");
  admin.key = field.value;
  const error = await failureOf(async () => bans.start((await admin.get("bans")).addresses));
  say(byId("key-refused"), error?.message ?? "");
  if (error) {
    admin.key = "";
    field.focus();
    field.select();
    return;
  }
  field.value = "";
  inside(true);
  say(byId("status"), "Connecting …");
  live = admin.listen("live?limit=200", { heard, lost, refused }, { silenceMs: SILENCE_MS });
  byId("sessions-title").focus();
}

/** Forget the key and all that was seen by it; *why* stands beside the field. */
function leave(why = "") {
  admin.key = "";
  live.close();
  live = null;
  tap.close();
  for (const panel of [bans, rooms, sessions]) panel.clear();
  inside(false);
  banner("");
  say(byId("status"), "");
  say(byId("key-refused"), why);
  byId("key").focus();
}

function inside(isIt) {
  show(byId("gate"), !isIt);
  show(byId("house"), isIt);
  show(byId("leave"), isIt);
}

function heard(event, value) {
  say(byId("status"), "Connected");
  if (!isClosing) banner("");
  HEARD[event]?.(value);
}

function lost(pauseMs) {
  isClosing = false;
  const seconds = Math.max(1, Math.round(pauseMs / 1000));
  say(byId("status"), `Not connected; trying again in ${seconds === 1 ? "a second" : `${seconds} seconds`}`);
  banner("The server is away. What stands here is from before; this page goes on by itself when the server is back.");
}

function refused(refusal) {
  leave(refusal.message);
}

function hearHouse(house) {
  rate.add(Date.parse(house.time), [house.messages_per_second]);
  latency.add(Date.parse(house.time), [house.latency_ms?.p50 ?? null, house.latency_ms?.p99 ?? null]);
  say(byId("count-sessions"), `${house.sessions}`);
  say(byId("count-usernames"), `${house.usernames}`);
  say(byId("count-rooms"), `${house.rooms}`);
  say(byId("outbox"), inBytes(house.outbox_bytes));
  say(byId("uptime"), inTime(house.uptime_seconds));
}

function tapChanged(before) {
  sessions.render();
  if (byId("tap").hidden && before) sessions.focus(before);
}

/** The two largest parts of a time that has passed. */
function inTime(seconds) {
  let rest = Math.floor(seconds);
  const parts = SPANS.map(([length, unit]) => {
    const count = Math.floor(rest / length);
    rest %= length;
    return [count, unit];
  });
  const first = parts.findIndex(([count]) => count > 0);
  const shown = first < 0 ? parts.slice(-1) : parts.slice(first, first + 2);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(" ");
}

function askToShutDown() {
  const reason = byId("reason").value.trim();
  const place = byId("shutdown-sure");
  const done = () => {
    place.replaceChildren();
    show(byId("shutdown"), true);
    byId("reason").focus();
  };
  const question = new Question({
    sentence: `Shut the house down? Everybody in it is told${reason ? `: “${reason}”` : ""}, and every connection is closed.`,
    verb: "Yes, shut down",
    act: async () => {
      await admin.post("shutdown", reason ? { reason } : {});
      isClosing = true;
      byId("reason").value = "";
      banner("The house is shutting down, as you said.");
    },
    done,
  });
  show(byId("shutdown"), false);
  place.replaceChildren(question.element);
  question.focus();
}

function hurry() {
  live?.hurry();
  tap.hurry();
}

function banner(sentence) {
  say(byId("banner"), sentence);
  show(byId("banner"), sentence !== "");
}

byId("enter").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (isEntering) return;
  isEntering = true;
  await enter().finally(() => {
    isEntering = false;
  });
});
byId("shutdown").addEventListener("submit", (event) => {
  event.preventDefault();
  askToShutDown();
});
byId("leave").addEventListener("click", () => leave());
document.addEventListener("visibilitychange", () => document.hidden || hurry());
window.addEventListener("online", hurry);
offerLargeType(byId("large-type"));
byId("key").focus();
