#!/usr/bin/env bash
# The main job by subcommands alone. What spends time or publishes is asked about here, at your terminal.
#   COUNT=1194 TEST_ROWS=60 OUT=build/shipping SERVE=yes examples/shipping/terminal.sh
set -euo pipefail
retort=${RETORT:-retort}
out=${OUT:-build/shipping}
mkdir -p "$out"

project=$($retort new "Shipping messages")
run() { # a subcommand on this project, its outcome kept as JSON
    local kept=$1
    shift
    $retort "$@" --project "$project" --json >"$out/$kept.json"
}

run task task "Turn our shipping messages into JSON" --kind extraction --language en \
    --input-description "shipping messages" --fields recipient phone city tracking_number
run drafts draft 6
run approved approve all
run generation generate "${COUNT:-1194}" --wait
run dataset freeze --test-rows "${TEST_ROWS:-60}"
run plan plan --set epochs=1 --set batch_samples=8
run training train --wait
run evaluation evaluate --wait
run scores compare
run answer try "Hi, this is Dana Whitfield from Port Ellen, my tracking number is RT-20417, call me at 555-014-2207"
if [ "${SERVE:-no}" = yes ]; then
    run serving deploy best --wait
    run parity check-served --wait
    run stopped undeploy
fi
run costs costs
echo "$project: its scores are in $out/scores.json"
