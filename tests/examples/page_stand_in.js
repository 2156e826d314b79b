// Run the script of a page in examples/, with the parts of a browser that these pages need:
//
//   node page_stand_in.js PAGE QUERY NAME
//
// Text that the page appends to an element is written to standard output. Each line of standard input is put into
// the page's input, and its form is submitted. Every prompt returns NAME.

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
  if (!isPrevented) throw new Error("the form was submitted, which reloads the page");
}

const script = page.match(/<script>(.*)<\/script>/s)[1];
new Function("document", "location", "prompt", script)({ querySelector }, { search }, () => name);
createInterface({ input: process.stdin }).on("line", type).on("close", () => process.exit());
