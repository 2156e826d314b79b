#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image of the assignment: a Python of 3.11 or newer, and what the
# test client needs. The rest of the zip is in /autograder/source by then.
set -euo pipefail

source_folder="${AUTOGRADER:-/autograder}/source"
newest="python3.14 python3.13 python3.12 python3.11"

find_python() {
    for name in $newest python3; do
        if "$name" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
}

python="$(find_python)"
if [ -z "$python" ]; then
    apt-get update
    apt-get install -y --no-install-recommends python3.11 python3.11-venv
    python=python3.11
fi
"$python" -m venv "$source_folder/venv"
"$source_folder/venv/bin/pip" install --no-cache-dir -r "$source_folder/chateau/requirements.txt"

# What submissions may import beyond that goes here:
# "$source_folder/venv/bin/pip" install --no-cache-dir aiohttp
