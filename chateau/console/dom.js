/** Helpers for elements: lookup, creation, and arrow keys. All text is inserted as text; nothing here parses HTML. */

export function byId(id) {
  return document.getElementById(id);
}

/** Return an element with *attributes*; children are elements, or strings that become text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function show(shown, isShown) {
  shown.hidden = !isShown;
}

/** Set the text of *target* only if it has changed: a screen reader may read each change aloud. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

/** Make *list* a single tab stop, in which the arrow keys, Home and End move the focus. */
export function enableArrowKeys(list) {
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
    if (stop) setTabStop(list, stop);
  });
}

/** Make *stop* the only tab stop of *list*; by default the current one, or else the last button. */
export function setTabStop(list, stop) {
  const next = stop ?? list.querySelector("li > button[tabindex='0']") ?? stops(list).at(-1);
  for (const button of list.querySelectorAll("li > button[tabindex='0']")) {
    if (button !== next) button.tabIndex = -1;
  }
  if (next) next.tabIndex = 0;
}

function stops(list) {
  const entries = [...list.querySelectorAll("li > button:first-child")];
  return entries.filter((button) => button.offsetParent !== null);
}

/** Return whether *place* is scrolled to its end. */
export function isScrolledToEnd(place) {
  return place.scrollHeight - place.scrollTop - place.clientHeight < 32;
}

export function scrollToEnd(place) {
  place.scrollTop = place.scrollHeight;
}

/** Keep *place* scrolled to its end, if it is, when its size changes. */
export function followEnd(place) {
  let wasAtEnd = true;
  place.addEventListener("scroll", () => {
    wasAtEnd = isScrolledToEnd(place);
  });
  new ResizeObserver(() => wasAtEnd && scrollToEnd(place)).observe(place);
}
