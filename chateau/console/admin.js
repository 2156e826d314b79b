/** The Admin console: asks for the key, subscribes to the live stream, and updates the panels. */

import { AdminApi, failureOf } from "./admin_api.js";
import { Bans } from "./admin_bans.js";
import { InlineForm } from "./admin_form.js";
import { Rooms } from "./admin_rooms.js";
import { Sessions } from "./admin_sessions.js";
import { Tap } from "./admin_tap.js";
import { Chart } from "./charts.js";
import { byId, setText, show } from "./dom.js";
import { formatBytes, formatSeconds } from "./format.js";
import { offerLargeType } from "./preferences.js";

const SILENCE_MS = 6_000; // the server sends an event every second
const UNITS = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
];

const api = new AdminApi(`${document.documentElement.dataset.prefix}/admin/`);
const bans = new Bans(api);
const rooms = new Rooms(api);
const tap = new Tap(api, tapChanged);
const sessions = new Sessions(api, tap, bans);
const rate = new Chart(byId("rate"), { title: "Messages per second", unit: "", least: 5, series: ["rate"] });
const latency = new Chart(byId("latency"), { title: "Delivery latency", unit: " ms", least: 1, series: ["p50", "p99"] });

const HANDLERS = {
  house: showMetrics, // the metrics of the server
  sessions: (latest) => sessions.receive(latest),
  rooms: (latest) => rooms.receive(latest),
};

let live = null;
let isEntering = false;
let isClosing = false; // this page requested the shutdown

async function enter() {
  const field = byId("key");
  api.key = field.value;
  const error = await failureOf(async () => bans.start((await api.get("bans")).addresses));
  setText(byId("key-error"), error?.message ?? "");
  if (error) {
    api.key = "";
    field.focus();
    field.select();
    return;
  }
  field.value = "";
  showDashboard(true);
  setText(byId("status"), "Connecting …");
  live = api.listen("live?limit=200", { onEvent, onLost, onRejected }, { silenceMs: SILENCE_MS });
  byId("sessions-title").focus();
}

/** Forget the key and clear every panel; show *why* next to the field. */
function leave(why = "") {
  api.key = "";
  live.close();
  live = null;
  tap.close();
  for (const panel of [bans, rooms, sessions]) panel.clear();
  showDashboard(false);
  showBanner("");
  setText(byId("status"), "");
  setText(byId("key-error"), why);
  byId("key").focus();
}

function showDashboard(isShown) {
  show(byId("key-panel"), !isShown);
  show(byId("dashboard"), isShown);
  show(byId("leave"), isShown);
}

function onEvent(event, value) {
  setText(byId("status"), "Connected");
  if (!isClosing) showBanner("");
  HANDLERS[event]?.(value);
}

function onLost(pauseMs) {
  isClosing = false;
  setText(byId("status"), `Not connected; trying again in ${formatSeconds(pauseMs)}`);
  showBanner("The server is not available. The figures below are out of date; this page reconnects when the server is back.");
}

function onRejected(error) {
  leave(error.message);
}

function showMetrics(metrics) {
  rate.add(Date.parse(metrics.time), [metrics.messages_per_second]);
  latency.add(Date.parse(metrics.time), [metrics.latency_ms?.p50 ?? null, metrics.latency_ms?.p99 ?? null]);
  setText(byId("count-sessions"), `${metrics.sessions}`);
  setText(byId("count-usernames"), `${metrics.usernames}`);
  setText(byId("count-rooms"), `${metrics.rooms}`);
  setText(byId("outbox"), formatBytes(metrics.outbox_bytes));
  setText(byId("uptime"), formatUptime(metrics.uptime_seconds));
}

function tapChanged(before) {
  sessions.render();
  if (byId("tap").hidden && before) sessions.focus(before);
}

/** Return the two largest units of a duration, such as "2 h 5 min". */
function formatUptime(seconds) {
  let rest = Math.floor(seconds);
  const parts = UNITS.map(([length, unit]) => {
    const count = Math.floor(rest / length);
    rest %= length;
    return [count, unit];
  });
  const first = parts.findIndex(([count]) => count > 0);
  const shown = first < 0 ? parts.slice(-1) : parts.slice(first, first + 2);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(" ");
}

function confirmShutdown() {
  const reason = byId("reason").value.trim();
  const target = byId("shutdown-form");
  const onClose = () => {
    target.replaceChildren();
    show(byId("shutdown"), true);
    byId("reason").focus();
  };
  const form = new InlineForm({
    sentence: `Shut down the server? Every client is notified${reason ? `: “${reason}”` : ""}, and every connection is closed.`,
    verb: "Yes, shut down",
    action: async () => {
      await api.post("shutdown", reason ? { reason } : {});
      isClosing = true;
      byId("reason").value = "";
      showBanner("The server is shutting down, as you requested.");
    },
    onClose,
  });
  show(byId("shutdown"), false);
  target.replaceChildren(form.element);
  form.focus();
}

function reconnect() {
  live?.reconnect();
  tap.reconnect();
}

function showBanner(sentence) {
  setText(byId("banner"), sentence);
  show(byId("banner"), sentence !== "");
}

byId("key-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (isEntering) return;
  isEntering = true;
  await enter().finally(() => {
    isEntering = false;
  });
});
byId("shutdown").addEventListener("submit", (event) => {
  event.preventDefault();
  confirmShutdown();
});
byId("leave").addEventListener("click", () => leave());
document.addEventListener("visibilitychange", () => document.hidden || reconnect());
window.addEventListener("online", reconnect);
offerLargeType(byId("large-type"));
byId("key").focus();
