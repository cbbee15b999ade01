#!/bin/sh
# Build wheel and sdist, and try both with every supported Python that is here, each in a clean
# virtual environment: the commands, a real run on a real file, and all tests (the last with the
# wheel alone). Minutes for each.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
chmod 755 "$work" # some tests run vpo as another user
trap 'rm -rf "$work"' EXIT INT TERM

interpreter() {
    for found in "python$1" "$(pyenv prefix "$1" 2>/dev/null || pyenv prefix "$(pyenv latest --known "$1" 2>/dev/null || echo none)" 2>/dev/null || echo none)/bin/python"; do
        if "$found" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
            echo "$found"
            return
        fi
    done
    # pyenv has it, and has not been told to use it.
    root=$(pyenv root 2>/dev/null) || return 0
    ls -d "$root/versions/$1".*/bin/python 2>/dev/null | tail -n 1
}

try() {
    vpo=$1/bin/vpo
    export HOME="$work/home" VPO_DATA_DIR="$work/data"
    rm -rf "$VPO_DATA_DIR" "$work/library" && mkdir -p "$HOME" "$work/library"
    "$vpo" --version
    "$vpo" --help >/dev/null
    "$vpo" doctor
    cp tests/media/files/*/wrong-flags.mkv "$work/library/film.mkv"
    printf 'schema_version: 13\nphases: [{name: flags, default_flags: {}}]\n' >"$work/policy.yaml"
    "$vpo" process -p "$work/policy.yaml" "$work/library" | grep "1 changed"
    "$vpo" process -p "$work/policy.yaml" "$work/library" | grep "1 unchanged"
    "$vpo" report last --html "$work/report.html" >/dev/null
    man -l "$1/share/man/man1/vpo.1" >/dev/null
}

rm -rf dist
.venv/bin/python -m hatchling build -d dist
.venv/bin/python tests/media/make.py
tested=""
for version in ${VERSIONS:-3.10 3.11 3.12 3.13}; do
    python=$(interpreter "$version")
    if [ -z "$python" ]; then
        echo "== Python $version: not here, left out"
        continue
    fi
    for package in dist/*.tar.gz dist/*.whl; do
        echo "== Python $version: $package"
        rm -rf "$work/venv"
        "$python" -m venv "$work/venv"
        "$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
            --constraint constraints.txt "$package"
        (try "$work/venv")
    done
    echo "== Python $version: tests of the wheel"
    "$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --constraint constraints.txt "$package[dev,bundled,cluster,watch,notify]"
    "$work/venv/bin/python" -m pytest -n 2 --dist worksteal ${TESTS:-tests}
    tested="$tested $version"
done
echo "== tested with:${tested:- no Python at all}"
[ -n "$tested" ]
