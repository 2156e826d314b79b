/** Elements: found, made, and walked by arrow keys. All text is put in as text; nothing here reads HTML. */

export function byId(id) {
  return document.getElementById(id);
}

/** An element with *attributes*; children are elements, or strings that become text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function show(shown, isShown) {
  shown.hidden = !isShown;
}

/** Say *sentence* in *place*; a screen reader hears it again only when it has changed. */
export function say(place, sentence) {
  if (place.textContent !== sentence) place.textContent = sentence;
}

const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

/** Make *list* one stop of the Tab key: arrow keys, Home and End go from button to button. */
export function walkable(list) {
  list.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const buttons = stops(list);
    const here = buttons.indexOf(event.target.closest("li")?.querySelector("button"));
    if (step === undefined || here < 0) return;
    event.preventDefault();
    buttons[Math.max(0, Math.min(buttons.length - 1, here + step))].focus();
  });
  list.addEventListener("focusin", (event) => {
    const stop = event.target.closest("li")?.querySelector("button");
    if (stop) keepOneStop(list, stop);
  });
}

/** Leave *stop*, or else the one there was, or the last button, as what Tab reaches in *list*. */
export function keepOneStop(list, stop) {
  const kept = stop ?? list.querySelector("li > button[tabindex='0']") ?? stops(list).at(-1);
  for (const button of list.querySelectorAll("li > button[tabindex='0']")) {
    if (button !== kept) button.tabIndex = -1;
  }
  if (kept) kept.tabIndex = 0;
}

function stops(list) {
  const entries = [...list.querySelectorAll("li > button:first-child")];
  return entries.filter((button) => button.offsetParent !== null);
}

/** Whether *place* shows its end, so that it should go on doing so. */
export function isAtEnd(place) {
  return place.scrollHeight - place.scrollTop - place.clientHeight < 32;
}

export function toEnd(place) {
  place.scrollTop = place.scrollHeight;
}

/** Have *place* go on showing its end when it becomes smaller or larger. */
export function keepAtEnd(place) {
  let wasAtEnd = true;
  place.addEventListener("scroll", () => {
    wasAtEnd = isAtEnd(place);
  });
  new ResizeObserver(() => wasAtEnd && toEnd(place)).observe(place);
}
