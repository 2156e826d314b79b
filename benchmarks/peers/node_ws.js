// The peer on node's ws: one Buffer for all who get a frame. `node node_ws.js PORT`, with ws on NODE_PATH.
"use strict";

const { WebSocketServer } = require("ws");

const TEXT = { binary: false };
const names = new Map();
const rooms = new Map();
let count = 0;

const encode = (frame) => Buffer.from(JSON.stringify(frame));
const end = () => ({ id: String(++count).padStart(26, "0"), time: new Date().toISOString() });

const port = Number(process.argv[2]);
const server = new WebSocketServer({ host: "127.0.0.1", port, path: "/ws" });

server.on("connection", (socket) => {
  let name = "";

  socket.on("message", (frame) => {
    const request = JSON.parse(frame);
    const { clients, content, room } = request;
    switch (request.type) {
      case 1:
        name = request.username;
        names.set(name, socket);
        socket.send(encode({ type: 1, status: 200 }), TEXT);
        break;
      case 3: {
        const { id, time } = end();
        const push = encode({ type: 3, status: 200, sender: name, clients, content, id, time });
        for (const client of clients) names.get(client).send(push, TEXT);
        socket.send(encode({ type: 3, status: 200, id, time }), TEXT);
        break;
      }
      case 5:
        if (!rooms.has(room)) rooms.set(room, new Set());
        rooms.get(room).add(socket);
        socket.send(encode({ type: 5, status: 200, room, members: [] }), TEXT);
        break;
      case 7: {
        const { id, time } = end();
        const push = encode({ type: 7, status: 200, sender: name, room, content, seq: count, id, time });
        for (const member of rooms.get(room)) member.send(push, TEXT);
        socket.send(encode({ type: 7, status: 200, room, seq: count, id, time }), TEXT);
        break;
      }
    }
  });

  socket.on("close", () => {
    names.delete(name);
    for (const members of rooms.values()) members.delete(socket);
  });
});
