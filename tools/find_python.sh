#!/usr/bin/env bash
# Print the path of a Python of one of the given versions, the first that is to be found; exit 1 when none is.
# Usage: tools/find_python.sh 3.11 3.12      Looked for: on the PATH, under pyenv and uv, and plain python3.
set -u

is_version() {  # is_version COMMAND VERSION: the command runs (a pyenv shim may not) and is of that version
    [ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$2" ]
}

for version in "$@"; do
    for candidate in \
        "python$version" \
        "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python \
        "${UV_PYTHON_INSTALL_DIR:-$HOME/.local/share/uv/python}/cpython-$version".*/bin/python \
        /opt/homebrew/bin/python"$version" \
        python3; do
        if is_version "$candidate" "$version"; then
            "$candidate" -c 'import sys; print(sys.executable)'
            exit 0
        fi
    done
done
exit 1
