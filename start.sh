#!/bin/sh
# Starts Mien for people who know no pip: makes a private environment the first time, then opens the page.
# Nothing outside that folder is changed. To remove Mien, delete the folder named below and this one.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

if [ "$(uname -s)" = Darwin ]; then
    data="$HOME/Library/Application Support/mien"
else
    data="${XDG_DATA_HOME:-$HOME/.local/share}/mien"
fi
env="${MIEN_DATA_DIR:-$data}/environment"

find_python() {
    for name in python3.12 python3.13 python3.11 python3; do
        if "$name" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

explain_python() {
    echo "Mien needs Python 3.11, 3.12 or 3.13, and this computer has none of them."
    if [ "$(uname -s)" = Darwin ]; then
        echo "Get it from https://www.python.org/downloads/ (the macOS installer), then start this again."
    else
        echo "On Debian or Ubuntu:  sudo apt install python3 python3-venv"
        echo "On Fedora:            sudo dnf install python3.12"
        echo "Then start this again."
    fi
}

install_mien() {
    python=$(find_python) || {
        explain_python
        exit 1
    }
    echo "Mien is set up once; this takes a few minutes and about 1 GB of disk."
    echo "1 of 3  making a private environment"
    rm -rf "$env"
    mkdir -p "$(dirname "$env")"
    "$python" -m venv "$env" || {
        echo "Python could not make the environment. On Debian or Ubuntu: sudo apt install python3-venv"
        exit 1
    }
    echo "2 of 3  fetching the parts (the longest step)"
    run_pip "${here}[live]" || {
        echo "The parts could not be fetched. Is the network there? What pip said stands above."
        exit 1
    }
    run_pip "${here}[live,virtualcam]" >/dev/null 2>&1 ||
        echo "        without the virtual camera, which could not be installed; the page and OBS work"
    echo "3 of 3  fetching the face tracker's model"
    "$env/bin/mien" doctor --fetch >/dev/null 2>&1 || true
    echo "$wanted" >"$env/mien-version"
}

run_pip() {
    # pip leaves a folder "build" here, whose old files would join the next installation.
    rm -rf "$here/build"
    "$env/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$here/constraints.txt" "$1"
}

# An update of this folder is noticed by its contents, and installed anew.
wanted=$(cat "$here"/pyproject.toml "$here"/constraints.txt "$here"/CHANGELOG.md | cksum)
if [ ! -x "$env/bin/mien" ] || [ "$(cat "$env/mien-version" 2>/dev/null)" != "$wanted" ]; then
    install_mien
fi

echo "Starting. A page opens in your browser; close this window or press Ctrl-C to stop."
status=0
"$env/bin/mien" studio --open "$@" || status=$?
if [ "$status" -ne 0 ] && [ "$status" -ne 130 ] && [ "$status" -ne 143 ]; then
    echo
    echo "That did not work. This is what Mien finds on this computer:"
    "$env/bin/mien" doctor || true
fi
exit "$status"
