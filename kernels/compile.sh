#!/usr/bin/env bash
# Compiles every kernel for real GPUs, and prints what each takes: registers, fixed shared memory,
# stack and spills. A kernel that needs a stack or spills registers is refused.
#
#   compile.sh FOLDER [ARCHITECTURE...]     nvcc must be on PATH
#
# The fat binaries go to FOLDER, and what ptxas said of each GPU to its ptxas.log. Without
# architectures, all that are supported, and PTX for whatever comes later.
set -euo pipefail
kernels=$(dirname "$(realpath "$0")")
folder=$1 targets=()
shift
if (($# == 0)); then
    set -- 80 86 89 90 100 120
    targets+=(-gencode arch=compute_75,code=compute_75)
fi
for one; do targets+=(-gencode "arch=compute_$one,code=sm_$one"); done

mkdir -p "$folder"
log=$folder/ptxas.log
: >"$log"
for kernel in "$kernels"/*.cu; do
    nvcc -std=c++17 -O3 --threads 2 --fatbin -Xptxas -v -Werror all-warnings "${targets[@]}" \
        "$kernel" -o "$folder/$(basename "$kernel" .cu).fatbin" 2>>"$log" ||
        { cat "$log" >&2 && exit 1; }
done

awk '
    function number(unit) {  # the number that stands before a unit, 0 if there is none
        return match($0, "[0-9]+ " unit) ? substr($0, RSTART, RLENGTH) + 0 : 0
    }
    function most(of, value) { if (value > of[kernel]) of[kernel] = value }
    /Compiling entry function/ { split($0, quoted, "\047"); kernel = quoted[2]; compiled++; gpus[kernel]++ }
    /bytes stack frame/ { most(stack, number("bytes stack frame")); most(spilled, number("bytes spill stores")) }
    /Used [0-9]+ registers/ { most(registers, number("registers")); most(shared, number("bytes smem")) }
    END {
        if (!compiled) { print "compile.sh: nothing was compiled" > "/dev/stderr"; exit 1 }
        row = "%-34s %5s %10s %7s %6s %8s\n"
        printf row, "kernel (the most of any GPU)", "GPUs", "registers", "shared", "stack", "spilled"
        for (kernel in gpus) {
            printf row, kernel, gpus[kernel], registers[kernel], shared[kernel] + 0, stack[kernel] + 0, \
                spilled[kernel] + 0 | "sort"
            if (stack[kernel] > 0 || spilled[kernel] > 0) refused = refused " " kernel
        }
        close("sort")
        if (refused) { print "compile.sh: on a stack, or spilled:" refused > "/dev/stderr"; exit 1 }
    }
' "$log"
