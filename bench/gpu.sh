#!/usr/bin/env bash
# What only a GPU can show, on a machine with one: `bench/gpu.sh`, at most 8 minutes, no network needed.
#
# Prints everything, ends with a table in Markdown, and writes both into $OUT, or results/gpu. A step that fails or
# runs out of time does not stop the others; then the exit code is 1. --small, and a machine without a GPU, runs the
# same on the processor in small sizes, to try the script itself.
set -u
cd "$(dirname "$0")/.."
out=${OUT:-results/gpu}
mkdir -p "$out"
log=$out/log.txt
: > "$log"
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
python=$(command -v python || command -v python3)
deadline=475 # seconds
steps="" failures=0

say() { printf '%s\n' "$@" | tee -a "$log"; }

# step NAME SECONDS COMMAND...: run a command for at most so many seconds.
step() {
    local name=$1 limit=$2 start=$SECONDS result=done
    shift 2
    if [ $((deadline - start)) -lt "$limit" ]; then limit=$((deadline - start > 0 ? deadline - start : 1)); fi
    say "" "== $name, at most $limit s"
    timeout --kill-after=5 "$limit" "$@" 2>&1 | tee -a "$log"
    local code=${PIPESTATUS[0]}
    if [ "$code" = 124 ] || [ "$code" = 137 ]; then result="STOPPED after $limit s"
    elif [ "$code" != 0 ]; then result="FAILED with exit code $code"; fi
    [ "$code" = 0 ] || failures=$((failures + 1))
    say "== $name: $result, $((SECONDS - start)) s"
    steps+="| $name | $result | $((SECONDS - start)) |"$'\n'
}

if [ "${1:-}" != --small ] && nvidia-smi --list-gpus > /dev/null 2>&1; then
    where="On the GPU."
    teacher=() train=() resume=() render=(--driver NVIDIA) pipeline=()
else
    where="No GPU, or --small: on the processor, in small sizes, nothing compiled. Rates mean nothing."
    export CUDA_VISIBLE_DEVICES="" CROSSJEPA_TEST_DEVICE=cpu TORCH_COMPILE_DISABLE=1
    teacher=(--size mini --images 24) train=(--model tiny --batch 4 --objects 8) render=(--objects 24)
    resume=(--model tiny --batch 4 --objects 8) pipeline=(--size mini)
fi

say "$where"
step "machine" 40 "$python" bench/device.py
step "teacher" 90 "$python" bench/teacher.py ${teacher+"${teacher[@]}"}
step "training, eager" 90 "$python" bench/train_gpu.py ${train+"${train[@]}"}
step "training, compiled" 150 "$python" bench/train_gpu.py --compile ${train+"${train[@]}"}
# Not all files of tests: some need packages of their own.
step "tests" 100 "$python" -m pytest -m gpu -p no:cacheprovider $(grep -l 'mark\.gpu' tests/test_*.py)
step "killed and resumed" 60 "$python" bench/resume.py ${resume+"${resume[@]}"}
step "rendering" 40 "$python" bench/render.py ${render+"${render[@]}"}
step "pipeline" 150 "$python" bench/pipeline.py ${pipeline+"${pipeline[@]}"}

{
    printf '%s\n\n| measured | |\n|---|---|\n' "$where"
    grep '^| ' "$log"
    printf '\n| step | result | seconds |\n|---|---|---|\n%s| all | %s failed | %s |\n' "$steps" "$failures" "$SECONDS"
} > "$out/summary.md"
say ""
cat "$out/summary.md"
[ "$failures" = 0 ]
