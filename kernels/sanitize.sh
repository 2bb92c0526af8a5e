#!/usr/bin/env bash
# The kernels under ThreadSanitizer (a thread of the system for each of theirs) and AddressSanitizer
# (fibers), and a fault of either kind planted, which must be found.
set -euo pipefail
kernels=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build SANITIZER RUNNER FOLDER: the kernels in FOLDER, as $work/SANITIZER
build() {
    "${CXX:-c++}" -std=c++17 -O1 -g -Wall -Wextra -Wno-unknown-pragmas -pthread "-fsanitize=$1" \
        "$3/check.cc" "$3/$2.cc" -o "$work/$1"
}

# Some kernels spread addresses wider than ThreadSanitizer bears.
run() { setarch -R "$work/$1"; }

build thread emulate_threads "$kernels"
run thread
build address emulate_fibers "$kernels"
run address

# planted SANITIZER RUNNER FILE CHANGE SAYS: with CHANGE (of sed), the sanitizer SAYS what is wrong
planted() {
    rm -rf "$work/planted"
    cp -r "$kernels" "$work/planted"
    sed -i "$4" "$work/planted/$3"
    if cmp --quiet "$kernels/$3" "$work/planted/$3"; then
        echo "sanitize.sh: \`$4\` changes nothing in $3" >&2
        exit 1
    fi
    build "$1" "$2" "$work/planted"
    if run "$1" >"$work/log" 2>&1 || ! grep --quiet "$5" "$work/log"; then
        echo "sanitize.sh: -fsanitize=$1 did not notice \`$4\` in $3" >&2
        exit 1
    fi
    echo "planted and found: $5 ($3)"
}

planted thread emulate_threads device.cuh '/__syncthreads();  \/\/ whoever/d' 'data race'
planted thread emulate_threads paged_attention_decode.cu '/__syncthreads();  \/\/ everybody/d' \
    'data race'
planted address emulate_fibers paged_attention_decode.cu \
    's/SHARED(float, sums, V1_WARPS)/SHARED(float, sums, V1_WARPS - 1)/' 'heap-buffer-overflow'
planted address emulate_fibers residual_rmsnorm.cu 's/row >= a.rows/row > a.rows/' \
    'heap-buffer-overflow'
