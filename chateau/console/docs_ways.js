/**
 * The ways in which an example goes: as a frame of the page's connection, by POST, or by listening to a stream.
 *
 * Each has the label of its button, the address where it can be changed, and `run(trial, text, address)`.
 */

/** A frame over the connection *talk*. */
export function frameWay(_where, _type, talk) {
  return { label: "Send", talk, run: (trial, text) => talk.send(text, trial) };
}

/** A request to publish, of the package type *type*. */
export function postWay(where, type) {
  return { label: "Post", where, run: (trial, text, address) => post(trial, text, address, type) };
}

/** An event stream, until it is stopped. */
export function streamWay(where) {
  let stop = null;
  return {
    label: "Listen",
    where,
    takesNothing: true,
    run: (trial, _text, address) => {
      stop?.abort();
      stop = new AbortController();
      return listen(trial, address, stop.signal);
    },
    end: () => stop?.abort(),
  };
}

async function post(trial, text, address, type) {
  trial.show("→", text);
  const headers = type ? { "Package-Type": type } : {};
  const answer = await fetch(`..${address}`, { method: "POST", body: text, headers });
  const notes = ["X-Delivered", "X-Error"].filter((name) => answer.headers.has(name));
  const lines = notes.map((name) => `${name}: ${answer.headers.get(name)}`);
  trial.show("←", [`${answer.status} ${answer.statusText}`, ...lines, await answer.text()].join("\n"));
}

/** Show each event as it stands on the wire. */
async function listen(trial, address, signal) {
  const answer = await fetch(`..${address}`, { headers: { Accept: "text/event-stream" }, signal });
  if (!answer.ok) return trial.show("←", `${answer.status} ${answer.statusText}\n${await answer.text()}`);
  trial.onChange(`Listening to ${address}`);
  let waiting = "";
  for (const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return trial.onChange("The server ended the stream.");
    const events = (waiting + value).split("\n\n");
    waiting = events.pop();
    for (const event of events) trial.show("←", event);
  }
}
