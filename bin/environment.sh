# Sourced by ./start and ./check: makes .venv hold exactly what a requirements file asks for.

fail() {
    echo "cynosure: $*" >&2
    exit 2
}

find_python() {
    for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

# $1: a requirements file. A stamp beside each installed set says which text of it is installed.
prepare_environment() {
    if [ ! -x .venv/bin/python ]; then
        python=$(find_python) || fail "needs Python 3.11, 3.12 or 3.13; found none (set PYTHON=/path/to/python3.12)"
        echo "cynosure: setting up .venv with $("$python" --version)"
        "$python" -m venv .venv || fail "python could not make .venv (on Debian or Ubuntu: apt install python3-venv)"
    fi
    wanted=$(cat requirements-slim.txt requirements.txt "$1" | cksum)
    stamp=".venv/installed-$1"
    if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
        echo "cynosure: installing $1 into .venv (about a minute, once)"
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$1" ||
            fail "the installation of $1 failed; the lines above say why, running it again is safe"
        echo "$wanted" >"$stamp"
    fi
}
