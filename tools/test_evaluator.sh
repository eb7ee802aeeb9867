#!/usr/bin/env bash
# Play the evaluator on dist/submission in its own environment, made as the platform makes it: Python 3.9 with
# requirements/evaluator-py39.txt, then `pip install` with the words of the submission's own line, in .venv39; made
# anew when either has changed. Called by `make test-evaluator`, which has made the submission.
# Where there is no Python 3.9 it says so and plays on the project's own Python. Environment:
#   DATA          tiles to use; else those of $GLACIER_DATA or ../shared/data; else a synthetic sample
#   TILES         how many of them (default 4; 0 for all)
#   PYTHON39      the Python 3.9 to use, where it is not found by itself
#   PIP_ARGS      more words for pip install
#   SECOND        one more evaluator script, called as SCRIPT SUBMISSION DATA --python PYTHON where it exists
set -euo pipefail
cd "$(dirname "$0")/.."
platform=requirements/evaluator-py39.txt
second=${SECOND:-../shared/tools/evaluator.py}

say() { echo "test-evaluator: $*"; }

packages=$(sed -n '1,15s/^# pip install //p' dist/submission/solution.py)  # as tools/evaluator.py reads them
[ -n "$packages" ] || { echo "error: dist/submission/solution.py: begins with no line '# pip install ...'." >&2; exit 2; }
wanted="$(cat "$platform") $packages"
python=.venv39/bin/python
if [ "$(cat .venv39/.installed 2>/dev/null || true)" != "$wanted" ]; then
    if base=${PYTHON39:-$(tools/find_python.sh 3.9)}; then
        say "setting up .venv39 with $base (some minutes and 5 GB on Linux, once)"
        "$base" -m venv --clear .venv39
        # shellcheck disable=SC2086  # several words
        $python -m pip install -qq --disable-pip-version-check ${PIP_ARGS:-} -r "$platform"
        say "pip install $packages"
        # shellcheck disable=SC2086
        $python -m pip install -qq --disable-pip-version-check ${PIP_ARGS:-} $packages
        echo "$wanted" > .venv39/.installed
    else
        say "SKIPPED on Python 3.9: none found on the PATH, under pyenv or uv (set PYTHON39=...)"
        python=.venv/bin/python
    fi
fi

data=${DATA:-}
for folder in ${GLACIER_DATA:+"$GLACIER_DATA/glacierhack" "$GLACIER_DATA"} ../shared/data/glacierhack; do
    if [ -z "$data" ] && [ -d "$folder/Band1" ]; then data=$folder; fi
done
if [ -z "$data" ]; then
    data=out/evaluator-sample
    .venv/bin/python -m simulation.synthetic --out "$data"
fi

versions='import sys, numpy, torch; print("Python", sys.version.split()[0], "torch", torch.__version__, "numpy", numpy.__version__)'
say "$($python -c "$versions"), tiles of $data"
.venv/bin/python tools/evaluator.py dist/submission "$data" --python "$PWD/$python" --tiles "${TILES:-4}"
if [ -f "$second" ] && [ -d "$data/label" ]; then
    say "once more, on all tiles, by $second"
    .venv/bin/python "$second" dist/submission "$data" --python "$PWD/$python"
fi
