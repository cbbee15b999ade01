#!/bin/sh
# Make the virtual environment and install vpo into it: setup.sh PYTHON VENV
# A half-made environment from an earlier, interrupted run is made anew.
set -eu
wanted=$1
venv=$2

suits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1
}

find_python() {
    for name in "$wanted" python3.13 python3.12 python3.11 python3.10; do
        if suits "$name"; then
            echo "$name"
            return
        fi
    done
    found=$("$wanted" --version 2>&1) || found="no program of that name"
    echo "vpo needs Python 3.10 or newer; '$wanted' is: $found" >&2
    echo "Install one, or name it: make setup PYTHON=/path/to/python3.12" >&2
    exit 1
}

if ! { suits "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }; then
    python=$(find_python)
    "$python" -m venv --clear "$venv" || {
        echo "'$python' cannot make a virtual environment (Debian: apt install python3-venv)" >&2
        exit 1
    }
fi
exec "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint constraints.txt --editable '.[dev,bundled,cluster,watch,notify,serve]'
