// Use all addresses of a server with the types that openapi-typescript has generated from its openapi.json.
// Arguments: the address of the server, its secret key. Prints what use_python_client.py prints.

import createClient from "openapi-fetch";
import type { paths } from "./http";

const [address, key] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: address, headers: { Authorization: `Bearer ${key}` } });
const called: Record<string, number> = {};

function check(name: string, { response }: { response: Response }): void {
  called[name] = response.status;
}

async function firstEvents(stream: ReadableStream<Uint8Array>, count: number, meanwhile?: () => Promise<void>) {
  const reader = stream.getReader();
  const found: string[] = [];
  const decoder = new TextDecoder();
  let text = "";
  await meanwhile?.();
  while (found.length < count) {
    const { value, done } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    found.splice(0, found.length, ...[...text.matchAll(/^data: (.*)$/gm)].map((match) => match[1]));
  }
  await reader.cancel();
  return found.slice(0, count);
}

async function publish(name: string, body: string, kind?: "text" | "json" | "bytes"): Promise<void> {
  const header = kind === undefined ? {} : { "Package-Type": kind };
  const { response, data } = await client.POST("/channel/{name}/", {
    params: { path: { name }, header },
    body,
    bodySerializer: (text) => text, // the library's own one makes JSON of everything
  });
  if (response.status !== 201 || data !== "OK") throw new Error(`publish: ${response.status}`);
}

async function publishAll(): Promise<void> {
  await publish("news", "Hi, älle");
  await publish("news", '{"a" : 1}', "json");
  await publish("news", "\0", "bytes");
  const { response } = await client.POST("/broadcast/", { body: { news: [{ text: "bulk" }] } });
  if (response.status !== 201) throw new Error(`broadcast: ${response.status}`);
}

async function main(): Promise<void> {
  const health = await client.GET("/healthz");
  const readiness = await client.GET("/readyz");
  if (health.data?.status !== "alive" || readiness.data?.reasons.length !== 0) throw new Error("not ready");
  const news = await client.GET("/channel/{name}/", { params: { path: { name: "news" } }, parseAs: "stream" });
  const published = await firstEvents(news.data!, 4, publishAll);

  const sessions = await client.GET("/admin/sessions", { params: { query: { limit: 10 } } });
  check("sessions", sessions);
  const idOf = (username: string) => sessions.data!.sessions.find((session) => session.username === username)!.id;
  const [alice, bob] = [idOf("alice"), idOf("bob")];
  check("rooms", await client.GET("/admin/rooms"));
  check("bans", await client.GET("/admin/bans"));
  const watched = await client.GET("/admin/live", { params: { query: { limit: 5 } }, parseAs: "stream" });
  check("live", watched);
  const live = await firstEvents(watched.data!, 3);
  const tap = await client.GET("/admin/tap", { params: { query: { session: alice } }, parseAs: "stream" });
  check("tap", tap);
  const tapped = await firstEvents(tap.data!, 2, () => publish("lobby", "for alice"));

  const room = { room: "lobby" };
  check("ban", await client.POST("/admin/ban", { body: { addresses: "192.0.2.7" } }));
  check("unban", await client.POST("/admin/unban", { body: { addresses: "192.0.2.7" } }));
  check("close-room", await client.POST("/admin/close-room", { body: room }));
  check("open-room", await client.POST("/admin/open-room", { body: room }));
  check("lock-room", await client.POST("/admin/lock-room", { body: { ...room, password: "x" } }));
  check("ban-from-room", await client.POST("/admin/ban-from-room", { body: { ...room, username: "bob" } }));
  check("unban-from-room", await client.POST("/admin/unban-from-room", { body: { ...room, username: "bob" } }));
  check("delete-room", await client.POST("/admin/delete-room", { body: room }));
  check("kick", await client.POST("/admin/kick", { body: { session: bob } }));
  check("shutdown", await client.POST("/admin/shutdown", { body: { reason: "done" } }));
  console.log(JSON.stringify({ published, live, tapped, called, generated: Object.keys(called) }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
