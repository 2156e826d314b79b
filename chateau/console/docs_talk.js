/** The page's one connection by WebSocket: opened when it is first needed, and again when it was closed. */

const NUMBER = /NNN/;

export class Talk {
  #address;
  #opening;
  #socket = null;
  #hasOpened = false;
  #trials = new Set();
  #hearer = null; // the trial that was used last hears what comes

  constructor(address, opening) {
    const url = new URL(`..${address}`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.hash = "";
    this.#address = url;
    this.#opening = opening.replace(NUMBER, String(100 + Math.floor(Math.random() * 900)));
  }

  /** The frame that has to come first; empty where none has to, or it has come. */
  get opening() {
    return this.#hasOpened ? "" : this.#opening;
  }

  /** Have *trial* told of each change of the connection. */
  follow(trial) {
    this.#trials.add(trial);
    this.#tell(this.#status());
  }

  /** Send *text* for *trial*, which hears from then on what comes. */
  async send(text, trial) {
    this.#hearer = trial;
    const socket = await this.#open();
    if (socket === null) return;
    trial.show("→", text);
    socket.send(text);
    if (text === this.#opening) this.#hasOpened = true;
    this.#tell(this.#status());
  }

  #open() {
    if (this.#socket?.readyState === WebSocket.OPEN) return this.#socket;
    this.#tell("Connecting …");
    const socket = new WebSocket(this.#address);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#hearer.show("←", data));
    socket.addEventListener("close", ({ code, reason }) => this.#onClose(socket, code, reason));
    return new Promise((resolve) => {
      socket.addEventListener("open", () => resolve(socket));
      socket.addEventListener("close", () => resolve(null));
    });
  }

  #onClose(socket, code, reason) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#hasOpened = false;
    this.#tell(`Closed with ${code}${reason && `, ${reason}`}. What you send next opens it again.`);
  }

  #status() {
    return this.#socket ? `Connected to ${this.#address}` : "Not connected yet: sending connects.";
  }

  #tell(status) {
    for (const trial of this.#trials) trial.onChange(status);
  }
}
