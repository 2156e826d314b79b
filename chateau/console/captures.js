/**
 * What differs from run to run, in a session that becomes a scenario: ids, numbers and times.
 *
 * An id that comes again, and a seq that is asked for later, is captured where it first came, and named from then on;
 * all else of the kind is left open.
 */

export const ANY_TEXT = { $type: "string" };
const ANY_NUMBER = { $type: "integer" };
const SAID = new Set([3, 7]); // types of answers that have an id

export class Captures {
  #counts = new Map(); // how often each id comes
  #since = new Map(); // request → the token of the last own message that it knows of
  #wanted = new Set(); // tokens
  #names = new Map(); // of the tokens that were captured
  #fresh = new Set(); // in the frame at hand

  /** *frames*: [{direction, value, answer}] in their order; *answer* is the value of a request's. */
  constructor(frames) {
    const own = frames.filter(({ direction, answer }) => direction === "out" && answer.status === 200 && SAID.has(answer.type));
    for (const { answer, value } of own) this.#counts.set(answer.id, answer.type === 3 ? value.clients.length : 0);
    const seqs = new Map(); // of this page's messages, by room
    for (const { direction, value, answer } of frames) {
      if (direction === "in") this.#count(value);
      else if (answer.status === 200 && answer.type === 7) seqs.set(answer.room, [...(seqs.get(answer.room) ?? []), answer.seq]);
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

  /** Whether a message with this *id* was said by this page. */
  isOwn(id) {
    return this.#counts.has(id);
  }

  /** What is captured in a frame has a value from the next one on. */
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

  /** What to ask for in place of the `since` of *request*: all that came after what this page had said by then. */
  since(request) {
    return this.reference(this.#since.get(request)) ?? 0;
  }

  /** `${…}` for what was captured in an earlier frame. */
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
