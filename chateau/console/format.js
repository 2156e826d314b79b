/** Sizes, times and bytes as text, the same on every page. */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** Return *size*, a number of bytes, with its unit. */
export function formatBytes(size) {
  return size < 10_000 ? `${size} B` : `${(size / 1024).toFixed(1)} KiB`;
}

/** Return the time of day of the Date *at*, down to milliseconds. */
export function formatClock(at) {
  return `${CLOCK.format(at)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** Return a duration in whole seconds, in words; at least one second. */
export function formatSeconds(milliseconds) {
  const seconds = Math.max(1, Math.round(milliseconds / 1000));
  return seconds === 1 ? "1 second" : `${seconds} seconds`;
}
