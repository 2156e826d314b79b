"""Check that prose and names use the words of docs/glossary.md.

Prose is comments, docstrings, strings with a space in them (help texts, errors, log lines), Markdown, HTML
and the descriptions in JSON files. Text in backticks is code and is not checked. Prints a line per finding,
with the better word; exits with 1 if there is one.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

PROSE = {
    r"tells?|told|telling": "report, send, describe",
    r"says|said": "sends, reports, requires, describes",
    r"hears?|heard|hearing": "receive, observe",
    r"speaks?|spoken|spoke": "use",
    r"whom|whomever|whoever": "the client that, everyone who",
    r"kept back": "queued",
    r"kept": "stored",
    r"go(es)? on": "continue",
    r"going on|went on": "continuing, continued",
    r"anew|once more": "again, idempotent",
    r"dear|dearer": "expensive",
    r"lest": "so that ... not",
    r"in place of": "instead of",
    r"beside": "next to",
    r"mends?|mended": "fix",
    r"(?<!there )(is|are|was) no (?!longer|more|less|different)": "is not a, invalid",
    r"(bytes|characters|seconds|messages|levels) of [^.;:]{1,60} at most": "maximum ..., in bytes",
    r"once an? (server|connection|turn|protocol|event)": "one per ...",
    r"be had|ways? in|ways? out": "be available, entry point, outbox",
    r"comes? into force": "takes effect",
    r"lets? go|letting go": "release",
    r"houses?": "server",
    r"keepers?|lecturers?": "admin",
    r"guests?": "client",
    r"doors?|doorsteps?": "endpoint, handshake policy",
    r"entrances?": "upgrade handler",
    r"errands?": "publish request",
    r"mints?|minted": "message id generator, generate",
    r"answer(s|ed|ing)?": "response, respond",
    r"refusals?": "error response",
}
"""A pattern for words to avoid, and the words to use."""

NAMES = r"house|keeper|lecturer|doorstep|entrance|errand|overheard|hears|refusal|whom"
"""Words to avoid in names of code, as a whole word between underscores or capitals."""

_PROSE = [
    (re.compile(rf"(?<![\w-])({pattern})(?![\w-])", re.IGNORECASE), better)
    for pattern, better in PROSE.items()
]
_NAMES = re.compile(rf"(?:^|_|(?<=[a-z]))({NAMES})s?(?=_|$|[A-Z])", re.IGNORECASE)
_CODE = re.compile(r"```.*?```|``[^`]*``|`[^`\n]*`|https?://\S+|\]\([^)\s]*\)|<!--.*?-->", re.DOTALL)
_JSON_PROSE = re.compile(r'"(?:title|description|rule|about)"\s*:\s*"((?:[^"\\]|\\.)*)"')
_SCRIPT_PROSE = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"[^\"\n]* [^\"\n]*\"|'[^'\n]* [^'\n]*'|>[^<>{}]+<", re.DOTALL
)

Passage = tuple[int, str]


def main(arguments: list[str]) -> int:
    """Check the files named, by default all that git tracks; return the exit code."""
    listed = subprocess.run(["git", "ls-files", "--", *arguments], capture_output=True, text=True, check=True)
    findings = [finding for name in listed.stdout.splitlines() for finding in check(Path(name))]
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} words to replace; docs/glossary.md has the vocabulary.", file=sys.stderr)
    return 1 if findings else 0


def check(path: Path) -> Iterator[str]:
    """Yield a line for each word in the file *path* that has a better one."""
    read = READERS.get(path.suffix)
    if read is None or not path.is_file() or path.name in EXEMPT:
        return
    for line, passage in read(path):
        yield from (
            f"{path}:{line + at}: {found!r}; use: {better}" for at, found, better in _findings(passage)
        )


def _findings(passage: str) -> Iterator[tuple[int, str, str]]:
    text = _CODE.sub(lambda code: re.sub(r"[^\n]", " ", code.group()), passage)
    for pattern, better in _PROSE:
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.start()), match.group(), better


def _markdown(path: Path) -> Iterator[Passage]:
    yield 1, path.read_text("utf-8")


def _matches(pattern: re.Pattern[str]) -> object:
    def read(path: Path) -> Iterator[Passage]:
        text = path.read_text("utf-8")
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, match.group()

    return read


def _python(path: Path) -> Iterator[Passage]:
    is_test = path.parts[0] == "tests"
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
        is_docstring = token.type == tokenize.STRING and before in STATEMENT_STARTS
        if (
            token.type == tokenize.COMMENT
            or is_docstring
            or (token.type == tokenize.STRING and " " in token.string and not is_test)
        ):
            yield token.start[0], token.string
        elif token.type == tokenize.NAME and _NAMES.search(token.string):
            yield token.start[0], _NAMES.search(token.string)[1]  # type: ignore[index]
        if token.type not in (tokenize.NL, tokenize.COMMENT):
            before = token.type


STATEMENT_STARTS = (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)
READERS = {
    ".md": _markdown,
    ".py": _python,
    ".json": _matches(_JSON_PROSE),
    ".js": _matches(_SCRIPT_PROSE),
    ".html": _matches(_SCRIPT_PROSE),
    ".css": _matches(_SCRIPT_PROSE),
    ".sh": _matches(re.compile(r"#[^\n]*")),
}
EXEMPT = {"glossary.md", "vocabulary.py", "CHANGELOG.md"}
"""The glossary names the words to avoid; the changelog quotes what was."""

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
