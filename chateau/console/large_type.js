/** Large type, for a room that reads along: a class on the root element that base.css knows, kept for the next visit. */

const KEY = "chateau-large-type";

/** Have *button* (with aria-pressed) switch it; as it was on the last visit, it is at once. */
export function offerLargeType(button) {
  set(button, remembered());
  button.addEventListener("click", () => {
    const isLarge = button.getAttribute("aria-pressed") !== "true";
    set(button, isLarge);
    remember(isLarge);
  });
}

function set(button, isLarge) {
  document.documentElement.classList.toggle("large", isLarge);
  button.setAttribute("aria-pressed", String(isLarge));
}

function remembered() {
  try {
    return localStorage.getItem(KEY) === "yes";
  } catch {
    return false; // a reader may have forbidden it
  }
}

function remember(isLarge) {
  try {
    localStorage.setItem(KEY, isLarge ? "yes" : "no");
  } catch {
    // see remembered()
  }
}
