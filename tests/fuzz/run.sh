#!/usr/bin/env bash
# Runs one fuzz target for FUZZ_SECONDS (20 by default): run.sh NAME MAX_LEN [FOLDER_BELOW_TESTS...]
#
# What it finds on the way is kept in build/fuzz/corpus/NAME, so that the next run goes on from there; an input that fails goes to
# build/fuzz/findings, and its path is in the output. The last line says how much was tried.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
name=$1
max_len=$2
shift 2

kept=build/fuzz/corpus/$name
mkdir -p "$kept" build/fuzz/findings
arguments=(-max_total_time="${FUZZ_SECONDS:-20}" -max_len="$max_len" -timeout=25 -malloc_limit_mb=256 -rss_limit_mb=2048
  -artifact_prefix="build/fuzz/findings/$name-" -print_final_stats=1)
if [ -f "tests/fuzz/dictionaries/$name.dict" ]; then
  arguments+=(-dict="tests/fuzz/dictionaries/$name.dict")
fi
folders=("$kept")
if [ -d "tests/fuzz/corpus/$name" ]; then
  folders+=("tests/fuzz/corpus/$name")
fi
for folder in "$@"; do
  folders+=("tests/$folder")
done

log=build/fuzz/$name.log
if ! "build/fuzz/bin/${name}_fuzz" "${arguments[@]}" "${folders[@]}" >"$log" 2>&1; then
  tail -n 60 "$log"
  exit 1
fi
executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
coverage=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1 | cut -d ' ' -f 2)
echo "$name: $executions inputs tried, $coverage edges of the code reached"
