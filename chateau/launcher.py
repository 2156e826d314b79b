"""Start a program of Chateau, or report in one line which Python or package is missing.

Every Python from 2.7 on has to be able to parse this module and those that import it first (``server.py``,
``test_client.py``, ``chateau/__init__.py``, ``chateau/__main__.py``): no annotations, no f-strings.
"""

import sys

OLDEST_PYTHON = (3, 11)


def start(module, program):
    # type: (str, str) -> int
    """Return the exit code of ``main()`` in *module*.

    Exits with 1, and one line on standard error that starts with *program*, if this Python is too old, or if
    a package is missing or cannot be used.
    """
    if sys.version_info < OLDEST_PYTHON:
        return _complain(program, "Python %d.%d is too old" % sys.version_info[:2])  # noqa: UP031
    from importlib import import_module

    try:
        return int(import_module(module).main())
    except ImportError as exc:
        name = (exc.name or "").partition(".")[0]
        if name in ("", "chateau") or name in sys.stdlib_module_names:
            raise
        is_missing = isinstance(exc, ModuleNotFoundError) and exc.name == name
        problem = "is not installed" if is_missing else "cannot be used (%s)" % " ".join(str(exc).split())  # noqa: UP031
        return _complain(program, "the package %s %s" % (name, problem))  # noqa: UP031


def _complain(program, problem):
    # type: (str, str) -> int
    """Print *problem* with what to do about it; return the exit code."""
    version = ".".join(map(str, OLDEST_PYTHON))
    line = "%s: %s; expected Python %s or newer with the packages of requirements.txt: %s (this is %s)\n"
    sys.stderr.write(line % (program, problem, version, _advice(), sys.executable))
    return 1


def _advice():
    # type: () -> str
    """Return which command to run instead."""
    from os.path import abspath, dirname, exists, join

    folder = dirname(dirname(abspath(__file__)))
    command = ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")
    python = join(folder, ".venv", *command)
    if exists(python) and abspath(sys.executable or "") != python:
        return "use " + python
    requirements = join(folder, "requirements.txt")
    if not exists(requirements):
        return "install the package chateau again"
    return "use a virtual environment, and there: python -m pip install -r " + requirements
