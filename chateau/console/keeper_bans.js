/** The banned addresses: listed, added to, taken from. */

import { failureOf } from "./admin.js";
import { byId, element, say } from "./dom.js";

const ASK_AGAIN_MS = 5_000; // others may ban too
const SHOWN = 200;

export class Bans {
  #admin;
  #list = byId("bans");
  #field = byId("ban-addresses");
  #timer = null;
  #shown = "";

  constructor(admin) {
    this.#admin = admin;
    byId("ban").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Show *addresses*, and ask again every now and then. */
  start(addresses) {
    this.#show(addresses);
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#look(), ASK_AGAIN_MS);
  }

  clear() {
    clearInterval(this.#timer);
    this.#show([]);
    say(byId("ban-refused"), "");
    say(byId("bans-said"), "");
  }

  async ban(addresses) {
    const wanted = addresses.trim();
    await this.#admin.post("ban", { addresses: wanted });
    say(byId("bans-said"), `${wanted} is banned.`);
    await this.#look();
  }

  async #submit() {
    const error = await failureOf(() => this.ban(this.#field.value));
    say(byId("ban-refused"), error?.message ?? "");
    if (error) this.#field.select();
    else this.#field.value = "";
    this.#field.focus();
  }

  async #unban(addresses) {
    const error = await failureOf(() => this.#admin.post("unban", { addresses }));
    say(byId("ban-refused"), error?.message ?? "");
    if (error) return;
    say(byId("bans-said"), `${addresses} is no longer banned.`);
    await this.#look();
  }

  /** Ask which there are. Where that fails the stream, too, tells that the server is away. */
  #look() {
    return failureOf(async () => this.#show((await this.#admin.get("bans")).addresses));
  }

  #show(addresses) {
    const looks = addresses.join(" ");
    if (looks === this.#shown) return;
    this.#shown = looks;
    const index = [...this.#list.children].findIndex((entry) => entry.contains(document.activeElement));
    this.#list.replaceChildren(...addresses.slice(0, SHOWN).map((each) => this.#entry(each)));
    const { length } = addresses;
    const count = length === 1 ? "1 address or range." : `${length} addresses and ranges.`;
    say(byId("bans-count"), length > SHOWN ? `${SHOWN} of ${count}` : length ? count : "No address is banned.");
    if (index < 0) return;
    const next = this.#list.children[Math.min(index, this.#list.children.length - 1)];
    (next?.querySelector("button") ?? this.#field).focus();
  }

  #entry(addresses) {
    const button = element("button", { type: "button", class: "quiet", "aria-label": `Unban ${addresses}` }, "Unban");
    button.addEventListener("click", () => this.#unban(addresses));
    return element("li", {}, element("code", {}, addresses), button);
  }
}
