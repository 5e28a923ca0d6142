# SPDX-License-Identifier: BSD-3-Clause
# What the campaigns in tests/faults share: jobs that cannot hang, and how many
# of them were right. A campaign is a script that takes the number of its jobs:
#
#     # SPDX-License-Identifier: BSD-3-Clause
#     # One line that says what is done to what.
#     #
#     # jobs: 200, short: 2
#     . tests/faults/campaign.bash
#     for ((i = 1; i <= jobs; i++)); do
#         job 60 "$RUN" -np 4 "$BUILD/tests/faults/prog_graph" "$i"
#         if [ "$code" = 0 ] && [ ! "$(job_processes)" ]; then right
#         else wrong "job $i: exit $code"; fi
#     done
#     campaign_end
#
# "jobs" is what `make faults` runs, "short" what `make check` runs; without that
# word the campaign is not in `make check`. Sourced from the project's top; sets
# what tests/check.bash sets, and jobs.
# shellcheck shell=bash disable=SC2034 # the campaigns use them

# shellcheck source=tests/check.bash
. tests/check.bash

jobs=${1:-$(sed -nE 's/^# jobs: ([0-9]+).*/\1/p' "$0")}
[[ $jobs =~ ^[1-9][0-9]*$ ]] || { echo "usage: $0 JOBS" >&2; exit 2; }
jobs_done=0 jobs_right=0 job_mark=

# Processes of the last job, by the mark in their environment: also those that
# have left its session. Not zombies.
job_processes() {
    local file
    for file in /proc/[0-9]*/environ; do
        if grep -qszx "CAMPAIGN_JOB=$job_mark" "$file" 2>/dev/null; then
            basename "${file%/environ}"
        fi
    done
}

# Where all threads of its processes stand.
job_stacks() {
    local process
    for process in $(job_processes); do
        echo "---- process $process: $(tr '\0' ' ' <"/proc/$process/cmdline")"
        grep -E '^(State|SigPnd|ShdPnd)' "/proc/$process/status"
        if command -v gdb >/dev/null; then
            timeout -k 5 60 gdb -p "$process" -batch -nx \
                -ex 'thread apply all backtrace 24' 2>/dev/null |
                grep -E '^(Thread|#)'
        else # programs with tests/check.h tell themselves
            kill -ALRM "$process" && sleep 0.2
        fi
    done
}

job_kill() {
    local round process
    for round in 1 2 3 4 5; do
        [ "$(job_processes)" ] || return
        for process in $(job_processes); do
            kill -KILL "$process" 2>/dev/null
        done
        sleep 0.1
    done
}

# job SECONDS COMMAND...: the output goes to $tmp/out and $tmp/err, the exit
# status to $code: 124, if it took longer. Then $tmp/err tells where all its
# processes stood, and none is left.
job() {
    local limit=$1 waited=0 leader
    shift
    job_mark=$$.$((++job_number))
    CAMPAIGN_JOB=$job_mark "$@" >"$tmp/out" 2>"$tmp/err" </dev/null &
    leader=$!
    while kill -0 $leader 2>/dev/null && [ $waited -lt $((20 * limit)) ]; do
        sleep 0.05
        waited=$((waited + 1))
    done
    code=0
    if kill -0 $leader 2>/dev/null; then
        job_stacks >>"$tmp/err" 2>&1
        job_kill
        wait $leader 2>/dev/null
        code=124
    else
        wait $leader || code=$?
    fi
}
job_number=0

right() {
    jobs_done=$((jobs_done + 1)) jobs_right=$((jobs_right + 1))
}

# wrong WHY: it is told, with what the job said
wrong() {
    jobs_done=$((jobs_done + 1))
    echo "WRONG $1"
    tail -n 200 "$tmp/out" "$tmp/err" | cut -c 1-300 | sed 's/^/    | /'
}

# The rate, and the exit status.
campaign_end() {
    echo "$jobs_right of $jobs_done right"
    [ "$jobs_right" = "$jobs_done" ] && [ "$jobs_done" -gt 0 ]
    exit
}
