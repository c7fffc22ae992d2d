# Workers at a backlog, at slow jobs, at programs, and idle.
# shellcheck shell=bash

workers=()

# start_workers COUNT PROGRAM NAME=VALUE...
start_workers() {
    local count=$1 program=$2 i
    shift 2
    for ((i = 0; i < count; i++)); do
        start worker env DATABASE_URL="$DATABASE_URL" REDIS_URL="$REDIS_URL" "$@" "$bin/$program"
        workers+=("$started")
    done
}

stop_workers() {
    stop 60 "${workers[@]}"
    workers=()
}

# Lets the first worker do what only a first one does: it makes the stream's group, and looks over what it finds.
warm_up() {
    fill 1000
    start_workers 1 noop-worker
    wait_for 60 "the first worker works" is_drained
    sleep 0.5
    stop_workers
}

is_drained() { (($(sql "SELECT count(*) FROM jobs WHERE status IN ('created', 'running')") == 0)); }

# The time and how many messages are in the stream, five times a second, while the file `sampling` is there.
sample_backlog() {
    local length
    timeout "$1" redis-cli -h 127.0.0.1 -p "$REDIS_PORT" -r -1 -i 0.2 XLEN jobs | while read -r length; do
        [[ -e $work/sampling ]] || break
        printf '%s\t%s\n' "$EPOCHREALTIME" "$length"
    done
}

# burn NAME JOBS WORKERS PROGRAM NAME=VALUE...: jobs a second, by what the database says of them.
burn() {
    local name=$1 jobs=$2 count=$3 limit=$((60 + $2 / 100)) sampler
    shift 3
    fill "$jobs"
    before=$(counters)
    touch "$work/sampling"
    sample_backlog "$limit" >"$out/backlog $name.tsv" &
    sampler=$!
    start_workers "$count" "$@"
    wait_for "$limit" "$name: the stream is drained" stream_is_empty
    wait_for "$limit" "$name: the jobs are done" is_drained
    rm "$work/sampling"
    wait "$sampler" || true
    record_memory "$name" "${workers[@]}"
    stop_workers
    after=$(counters)
    record "$name" "$(sql "SELECT round(count(*) / extract(epoch FROM max(end_time) - min(start_time)), 1) FROM jobs")"
    record "$name failed" "$(sql "SELECT count(*) FROM jobs WHERE status <> 'success' OR attempt <> 1")"
}

stream_is_empty() { (($(redis XLEN jobs) == 0)); }

# How fast the last tenth of the jobs ended, next to the second: the first has the start of the workers in it.
record_linearity() {
    record "$1 linearity" "$(sql "WITH ended AS (
            SELECT end_time, ntile(10) OVER (ORDER BY end_time) AS tenth FROM jobs
        ), tenths AS (
            SELECT tenth, extract(epoch FROM max(end_time)) AS ends FROM ended GROUP BY tenth
        )
        SELECT round((second.ends - first.ends) / (tenth.ends - ninth.ends), 2)
        FROM tenths first, tenths second, tenths ninth, tenths tenth
        WHERE first.tenth = 1 AND second.tenth = 2 AND ninth.tenth = 9 AND tenth.tenth = 10")"
}

measure_workers() {
    local count
    step "workers: warming up"
    warm_up
    for count in 1 4; do
        step "workers: $JOBS jobs that do nothing, $count at work"
        burn "noop $count" "$JOBS" "$count" noop-worker JOB_PREFETCH=512 JOB_CONCURRENCY=512
        record_linearity "noop $count"
        ((count != 1)) || record_cost "no-op job" "$JOBS"
    done
    step "workers: $command_jobs times JOB_COMMAND=true"
    burn command "$command_jobs" 1 job-worker JOB_COMMAND=true JOB_PREFETCH=64 JOB_CONCURRENCY=$((cores * 4))
    for count in 1 4; do
        step "workers: jobs of 50 ms, 32 at once, $count at work"
        burn "50 ms $count" $((32 * slow_rounds * count)) "$count" noop-worker \
            NOOP_SLEEP_MS=50 JOB_PREFETCH=64 JOB_CONCURRENCY=32
    done
    trace_worker
}

# From the moment a job was accepted to the moment it runs, one job at a time, on a worker that has nothing else to do.
measure_pickup() {
    local i base=$((RANDOM * 30000))
    step "workers: pick-up of $pickups jobs"
    reset_stack
    start_workers 1 noop-worker
    sleep 1.5
    for ((i = 0; i < pickups; i++)); do
        curl --silent --fail --noproxy '*' --max-time 5 --output /dev/null --json "{\"object_id\":$((base + i))}" "$url/v1/jobs"
        sleep 0.01
    done
    wait_for 30 "every job was picked up" is_drained
    for i in 50 99; do
        record "pick-up p$i" "$(sql "SELECT round(1000 * percentile_cont(0.$i) WITHIN GROUP (
            ORDER BY extract(epoch FROM start_time - created_at))::numeric, 2) FROM jobs")"
    done
}
