#!/usr/bin/env bash
# Everything there is to measure on a GPU host that has Python, torch with CUDA, nvcc and a C++ compiler, and no network.
#
#   here, before:   python benchmarks/gpu_record.py --out out/gpu-day        (carry out/gpu-day along with the tree)
#   there:          OUT=results bash benchmarks/gpu_day.sh build             (pycuda from source; brings its wheel back)
#                   OUT=results bash benchmarks/gpu_day.sh tests             (GPU tests; a missing GPU fails them)
#                   OUT=results bash benchmarks/gpu_day.sh latency           (the table; stops by itself within 8 minutes)
#                   OUT=results bash benchmarks/gpu_day.sh train             (8 minutes of a decoder; each call goes on)
#   here, any time: PYTHON=bare/bin/python bash benchmarks/gpu_day.sh rehearse   (all of it up to the first CUDA call)
#
# Each step ends within ten minutes. What is installed lies in build/gpu-day, which stays on a host that is kept between
# two steps; for a fresh host put the wheel that `build` brought back into out/gpu-day/wheels, and build again at once.
# `train` needs no other step before; what it learns from and how it ends in a pack, benchmarks/gpu_train.py says.
set -euo pipefail
cd "$(dirname "$0")/.."
DAY=${DAY:-out/gpu-day}
SITE=${SITE:-build/gpu-day}
OUT=${OUT:-$DAY/results}
PYTHON=${PYTHON:-python3}
mkdir -p "$OUT" "$SITE" .view/mien
for folder in realtime engines plugin; do ln -sfn "../../$folder" ".view/mien/$folder"; done
# What was carried comes last: the host's own NumPy and torch are the ones that are measured.
export PYTHONPATH="$PWD/.view${PYTHONPATH:+:$PYTHONPATH}:$(realpath "$SITE")"

install() { # WHEEL... into the day's own folder
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-index --no-deps --upgrade --target "$SITE" "$@"
}

build() {
    shopt -s nullglob
    install "$DAY"/wheels/*.whl
    if ! "$PYTHON" -c 'import pycuda' 2>/dev/null; then
        "$PYTHON" -m pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir "$OUT" "$DAY"/wheels/pycuda-*.tar.gz
        install "$OUT"/pycuda-*.whl
    fi
    "$PYTHON" -c 'import pycuda; print("pycuda", pycuda.VERSION_TEXT)' | tee "$OUT/build.txt"
    nvcc --version | tail -1 | tee -a "$OUT/build.txt"
}

train() { # OPTION... of benchmarks/gpu_train.py
    shopt -s nullglob
    if ! "$PYTHON" -c 'import safetensors' 2>/dev/null; then install "$DAY"/wheels/safetensors-*.whl; fi
    "$PYTHON" benchmarks/gpu_train.py train --parcel "$DAY/train.npz" --work "$SITE/train" --out "$OUT" "$@"
}

case "${1:-}" in
build) build ;;
tests)
    MIEN_GPU_CASE="$DAY/case.npz" FAIL_WITHOUT_CUDA=1 "$PYTHON" -m pytest -p no:cacheprovider -m gpu tests/gpu --junitxml "$OUT/gpu-tests.xml"
    ;;
latency) "$PYTHON" benchmarks/gpu_latency.py --case "$DAY/case.npz" --out "$OUT/latency.json" ;;
train) train ;;
rehearse)
    shopt -s nullglob
    wheels=("$DAY"/wheels/*-none-any.whl)
    if [ "${#wheels[@]}" -gt 0 ]; then install "${wheels[@]}"; fi
    "$PYTHON" benchmarks/gpu_latency.py --case "$DAY/case.npz" --out "$OUT/rehearsal.json" --rehearse
    if MIEN_GPU_CASE="$DAY/case.npz" FAIL_WITHOUT_CUDA=1 "$PYTHON" -m pytest -q -p no:cacheprovider -m gpu tests/gpu >"$OUT/rehearsal.txt" 2>&1; then
        echo "the GPU tests pass: there is a GPU here"
    elif grep -q "binding to CUDA's driver\|CUDA cannot open the first GPU" "$OUT/rehearsal.txt" && ! grep -q "No module named" "$OUT/rehearsal.txt"; then
        echo "the GPU tests come as far as the missing GPU; see $OUT/rehearsal.txt"
    else
        tail -30 "$OUT/rehearsal.txt"
        exit 1
    fi
    if [ -f "$DAY/train.npz" ]; then train --device cpu --seconds "${SECONDS_OF_TRAINING:-20}"; fi
    ;;
*)
    sed -n '2,15s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
