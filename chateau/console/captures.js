/**
 * Values that differ between runs, in a session that becomes a scenario: ids, sequence numbers and times.
 *
 * An id that occurs again, and a seq that is requested later, is captured where it first occurs, and then referred to
 * by name; every other such value matches anything of its type.
 */

export const ANY_TEXT = { $type: "string" };
const ANY_NUMBER = { $type: "integer" };
const WITH_ID = new Set([3, 7]); // types of responses that have an id

export class Captures {
  #counts = new Map(); // occurrences of each id
  #since = new Map(); // request → the token of the last own message before it
  #wanted = new Set(); // tokens
  #names = new Map(); // of the captured tokens
  #fresh = new Set(); // captured in the current frame

  /** *frames*: [{direction, value, response}] in their order; *response* is the value of a request's response. */
  constructor(frames) {
    const own = frames.filter(({ direction, response }) => direction === "out" && response.status === 200 && WITH_ID.has(response.type));
    for (const { response, value } of own) this.#counts.set(response.id, response.type === 3 ? value.clients.length : 0);
    const seqs = new Map(); // of this page's messages, by room
    for (const { direction, value, response } of frames) {
      if (direction === "in") this.#count(value);
      else if (response.status === 200 && response.type === 7) seqs.set(response.room, [...(seqs.get(response.room) ?? []), response.seq]);
      else if (value?.since > 0 && seqs.has(value.room)) this.#wantSince(value, seqs.get(value.room));
    }
  }

  #count(value) {
    for (const { id } of [value, ...(value.messages ?? [])]) {
      if (this.isOwn(id)) this.#counts.set(id, this.#counts.get(id) + 1);
    }
  }

  #wantSince(request, seqs) {
    const known = seqs.filter((seq) => seq <= request.since);
    if (known.length === 0) return;
    const token = seqToken(request.room, Math.max(...known));
    this.#wanted.add(token);
    this.#since.set(request, token);
  }

  /** Return whether this page sent the message with this *id*. */
  isOwn(id) {
    return this.#counts.has(id);
  }

  /** Start the next frame: values captured before it can now be referred to. */
  beginFrame() {
    this.#fresh.clear();
  }

  id(id) {
    return this.#take("id", id, this.#counts.get(id) > 1) ?? ANY_TEXT;
  }

  seq(room, seq) {
    const token = seqToken(room, seq);
    return this.#take("seq", token, this.#wanted.has(token)) ?? ANY_NUMBER;
  }

  /** Return the value for the `since` of *request*: the seq of the last message that this page had sent by then. */
  since(request) {
    return this.reference(this.#since.get(request)) ?? 0;
  }

  /** Return `${…}` for a value captured in an earlier frame; else undefined. */
  reference(token) {
    return this.#names.has(token) && !this.#fresh.has(token) ? `\${${this.#names.get(token)}}` : undefined;
  }

  #take(kind, token, isWanted) {
    if (!isWanted || this.#names.has(token)) return this.reference(token);
    const taken = [...this.#names.values()].filter((name) => name.startsWith(kind)).length;
    const name = taken ? `${kind}_${taken + 1}` : kind;
    this.#names.set(token, name);
    this.#fresh.add(token);
    return { $capture: name };
  }
}

function seqToken(room, seq) {
  return `${room} ${seq}`;
}
