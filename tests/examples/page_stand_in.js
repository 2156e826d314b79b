// Runs a page's script as a browser would, as far as the pages in examples/ go:
//
//   node page_stand_in.js PAGE QUERY NAME
//
// What the page appends to an element goes to standard output, a line of standard input is typed into the
// page's input and its form submitted, and NAME is the answer to every prompt.

const { readFileSync } = require("node:fs");
const { createInterface } = require("node:readline");

const [, , path, search, name] = process.argv;
const page = readFileSync(path, "utf8");
const elements = new Map();

function querySelector(tag) {
  if (!page.includes(`<${tag}>`) && !page.includes(`<${tag} `)) return null;
  if (!elements.has(tag)) {
    elements.set(tag, { value: "", append: (text) => process.stdout.write(text) });
  }
  return elements.get(tag);
}

function type(line) {
  let isPrevented = false;
  querySelector("input").value = line;
  querySelector("form").onsubmit({ preventDefault: () => (isPrevented = true) });
  if (!isPrevented) throw new Error("the form was sent, and the page with it");
}

const script = page.match(/<script>(.*)<\/script>/s)[1];
new Function("document", "location", "prompt", script)({ querySelector }, { search }, () => name);
createInterface({ input: process.stdin }).on("line", type).on("close", () => process.exit());
