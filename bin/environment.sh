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

# Which set ./start installs: all, or all but forecasts when SLIM=1 was said now or the last time it was said.
wanted_set() {
    if [ "${SLIM:-$(cat .venv/slim 2>/dev/null || echo 0)}" = 1 ]; then
        echo requirements-slim.txt
    else
        echo requirements.txt
    fi
}

# $1: a requirements file. How long it takes is mostly how large torch is: nobody should have to guess, and where
# gigabytes come over the line pip shows how far it is.
install_set() {
    if [ "$1" = requirements-slim.txt ]; then
        echo "cynosure: installing $1 into .venv (about a minute, once)"
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$1"
        return
    fi
    echo "cynosure: installing $1 into .venv, once. Forecasts need torch: 0.2 GB where pip finds its CPU build, a few GB"
    echo "cynosure: on Linux with its GPU libraries. SLIM=1 ./start does without forecasts; docs/install.md says more"
    .venv/bin/python -m pip install --disable-pip-version-check -r "$1"
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
        install_set "$1" ||
            fail "the installation of $1 failed; the lines above say why, running it again is safe"
        echo "$wanted" >"$stamp"
    fi
}
