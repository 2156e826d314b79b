/**
 * Charts of the last two minutes, in SVG: lines differ by their strokes, and the scale adapts to the values.
 *
 * A chart is redrawn with each point; every ten seconds for users who prefer reduced motion.
 */

import { element, setText } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const SPAN_MS = 120_000;
const GAP_MS = 3_500; // points further apart are not joined
const CALM_MS = 10_000;
const DESCRIBE_MS = 30_000;
const STEPS = [1, 2, 5, 10];
const TICKS = [
  [-SPAN_MS, "−2 min"],
  [-SPAN_MS / 2, "−1 min"],
  [0, "now"],
];

const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Chart {
  #title;
  #unit;
  #least;
  #series;
  #points = []; // {time, values}, oldest first
  #svg = drawn("svg", { role: "img" });
  #frame = drawn("g", { class: "frame" });
  #drawnAt = -Infinity;
  #describedAt = -Infinity;

  /** *series*: the names of the lines; *unit* follows each figure; *least*: the minimum of the scale's end. */
  constructor(place, { title, unit, least, series }) {
    this.#title = title;
    this.#unit = unit;
    this.#least = least;
    this.#series = series.map((name, index) => new Line(name, index));
    const legend = element("p", { class: "legend" }, ...this.#series.map(({ entry }) => entry));
    this.#svg.append(this.#frame, ...this.#series.map(({ group }) => group));
    place.append(element("figcaption", {}, element("h2", {}, title), legend), this.#svg);
    new ResizeObserver(() => this.#draw()).observe(this.#svg);
    this.#describe();
  }

  /** Add *values*, one per line or null, at *time*, in milliseconds. */
  add(time, values) {
    this.#points = this.#points.filter((point) => point.time < time && point.time >= time - SPAN_MS);
    this.#points.push({ time, values });
    this.#series.forEach((line, index) => setText(line.figure, this.#inWords(values[index])));
    const now = performance.now();
    if (now - this.#drawnAt >= (calm.matches ? CALM_MS : 0)) this.#draw();
    if (now - this.#describedAt >= DESCRIBE_MS) this.#describe();
  }

  #inWords(value) {
    return value === null ? "–" : `${figure(value)}${this.#unit}`;
  }

  #draw() {
    this.#drawnAt = performance.now();
    const { clientWidth: width, clientHeight: height } = this.#svg;
    if (!width) return;
    const em = parseFloat(getComputedStyle(this.#svg).fontSize);
    const top = scaleFor(Math.max(this.#least, ...this.#points.flatMap(({ values }) => values)));
    const area = { left: 3.5 * em, right: width - em, top: 0.75 * em, bottom: height - 1.75 * em };
    const end = this.#points.at(-1)?.time ?? 0;
    const x = (time) => area.right + ((area.right - area.left) * (time - end)) / SPAN_MS;
    const y = (value) => area.bottom - ((area.bottom - area.top) * value) / top;
    this.#drawFrame(area, top, end, x, y, em);
    this.#series.forEach((line, index) => line.draw(this.#points, index, x, y));
  }

  #drawFrame(area, top, end, x, y, em) {
    const rules = [0, top / 2, top].flatMap((value) => [
      drawn("line", { x1: area.left, x2: area.right, y1: y(value), y2: y(value) }),
      label(figure(value), area.left - em / 2, y(value) + em / 3, "end"),
    ]);
    const ticks = TICKS.map(([before, text]) => label(text, x(end + before), area.bottom + 1.4 * em, before ? "middle" : "end"));
    this.#frame.replaceChildren(...rules, ...ticks);
  }

  /** Describe the chart for screen readers; rarely, since each change may be read aloud. */
  #describe() {
    const isMeasured = this.#points.some(({ values }) => values.some((value) => value !== null));
    if (isMeasured) this.#describedAt = performance.now();
    const lines = this.#series.map(({ name }, index) => {
      const values = this.#points.map((point) => point.values[index]).filter((value) => value !== null);
      if (!values.length) return `${name}: no values yet`;
      const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => this.#inWords(value));
      return `${name}: now ${this.#inWords(values.at(-1))}, between ${least} and ${most}`;
    });
    this.#svg.setAttribute("aria-label", `${this.#title} in the last two minutes. ${lines.join("; ")}.`);
  }
}

class Line {
  group;
  entry;
  figure = element("strong");
  #path = drawn("path");
  #end = drawn("circle", { r: 3 });

  constructor(name, index) {
    this.name = name;
    this.group = drawn("g", { class: `line line-${index}` }, this.#path, this.#end);
    const stroke = drawn("path", { d: "M 2 5 H 30" });
    const sample = drawn("svg", { class: `sample line line-${index}`, "aria-hidden": "true" }, stroke);
    this.entry = element("span", {}, sample, ` ${name} `, this.figure);
  }

  draw(points, index, x, y) {
    let last = -Infinity;
    const steps = [];
    for (const { time, values } of points) {
      if (values[index] === null) continue;
      steps.push(`${time - last > GAP_MS ? "M" : "L"} ${x(time).toFixed(1)} ${y(values[index]).toFixed(1)}`);
      last = time;
    }
    this.#path.setAttribute("d", steps.join(" "));
    const [cx, cy] = steps.at(-1)?.split(" ").slice(1) ?? [-9, -9];
    setAll(this.#end, { cx, cy });
  }
}

/** Return the next round number: 1, 2 or 5 times a power of ten. */
function scaleFor(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return power * STEPS.find((step) => step * power >= most);
}

function figure(value) {
  const digits = value >= 10 || Number.isInteger(value) ? 0 : value >= 1 ? 1 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

function label(text, x, y, anchor) {
  const made = drawn("text", { x, y, "text-anchor": anchor });
  made.textContent = text;
  return made;
}

function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  setAll(made, attributes);
  made.append(...children);
  return made;
}

function setAll(made, attributes) {
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
}
