/** The list of banned addresses, with a form to add one and buttons to remove one. */

import { failureOf } from "./admin_api.js";
import { byId, element, setText } from "./dom.js";

const REFRESH_MS = 5_000; // other admins may change the list
const MAX_SHOWN = 200;

export class Bans {
  #api;
  #list = byId("bans");
  #field = byId("ban-addresses");
  #timer = null;
  #shown = "";

  constructor(api) {
    this.#api = api;
    byId("ban").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Show *addresses*, and refresh them regularly. */
  start(addresses) {
    this.#show(addresses);
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#refresh(), REFRESH_MS);
  }

  clear() {
    clearInterval(this.#timer);
    this.#show([]);
    setText(byId("ban-error"), "");
    setText(byId("bans-status"), "");
  }

  async ban(addresses) {
    const wanted = addresses.trim();
    await this.#api.post("ban", { addresses: wanted });
    setText(byId("bans-status"), `${wanted} is banned.`);
    await this.#refresh();
  }

  async #submit() {
    const error = await failureOf(() => this.ban(this.#field.value));
    setText(byId("ban-error"), error?.message ?? "");
    if (error) this.#field.select();
    else this.#field.value = "";
    this.#field.focus();
  }

  async #unban(addresses) {
    const error = await failureOf(() => this.#api.post("unban", { addresses }));
    setText(byId("ban-error"), error?.message ?? "");
    if (error) return;
    setText(byId("bans-status"), `${addresses} is no longer banned.`);
    await this.#refresh();
  }

  /** Load the list. A failure needs no message: the live stream reports that the server is not available. */
  #refresh() {
    return failureOf(async () => this.#show((await this.#api.get("bans")).addresses));
  }

  #show(addresses) {
    const shown = addresses.join(" ");
    if (shown === this.#shown) return;
    this.#shown = shown;
    const index = [...this.#list.children].findIndex((entry) => entry.contains(document.activeElement));
    this.#list.replaceChildren(...addresses.slice(0, MAX_SHOWN).map((each) => this.#entry(each)));
    const { length } = addresses;
    const count = length === 1 ? "1 address or range." : `${length} addresses and ranges.`;
    setText(byId("bans-count"), length > MAX_SHOWN ? `${MAX_SHOWN} of ${count}` : length ? count : "No banned addresses.");
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
