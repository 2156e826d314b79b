/** Preferences that outlive a visit, in the browser's local storage; large type is one that every page offers. */

const LARGE_TYPE = "chateau-large-type";

/** Return what is stored under *key*; null where nothing is, or where the user forbids storage. */
export function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Store *value* under *key*, where the user allows it. */
export function store(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // see stored()
  }
}

/** Make *button* switch large type, a class that base.css styles; restore the choice of the last visit. */
export function offerLargeType(button) {
  setLargeType(button, stored(LARGE_TYPE) === "yes");
  button.addEventListener("click", () => {
    const isLarge = button.getAttribute("aria-pressed") !== "true";
    setLargeType(button, isLarge);
    store(LARGE_TYPE, isLarge ? "yes" : "no");
  });
}

function setLargeType(button, isLarge) {
  document.documentElement.classList.toggle("large", isLarge);
  button.setAttribute("aria-pressed", String(isLarge));
}
