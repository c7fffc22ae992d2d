# POST and GET as the table grows.
# shellcheck shell=bash

measure_growth() {
    local size=0 next
    if ((GROWTH == 0)); then
        step "growth is not measured"
        return 0
    fi
    if (($(df --output=avail --block-size=1M "$work" | tail --lines=1) < 3000 + GROWTH / 1000)); then
        step "growth is not measured: too little space in $work"
        return 0
    fi
    drain=$((GROWTH / 10))
    step "growth: $drain jobs wait"
    burn drain "$drain" 1 noop-worker JOB_PREFETCH=512 JOB_CONCURRENCY=512
    record_linearity drain
    fill "$drain"
    measure_turns waiting
    seed
    restart_responders
    for next in 0 $((GROWTH / 100)) $((GROWTH / 10)) $((GROWTH / 3)) "$GROWTH"; do
        step "growth: $next finished jobs"
        grow "$size" "$next"
        size=$next
        growth_rounds "$size"
        measure_turns "$size"
    done
}

# How long the reconciler takes, in milliseconds. Its worker takes one job, if there is one, and stays with it.
measure_turns() {
    start_workers 1 noop-worker LOG_LEVEL=debug NOOP_SLEEP_MS=60000 JOB_PREFETCH=1 JOB_SHUTDOWN_GRACE=1
    : >"$work/log/worker.log"
    sleep 13
    stop_workers
    sed -n 's/.* reconciled .*took="\([0-9.e-]*\) seconds".*/\1/p' "$work/log/worker.log" |
        awk 'NR > 1 { print $1 * 1000 }' >"$work/turns"
    record "turn $1" "$(median <"$work/turns")"
}

# Jobs of objects that nobody posts, finished a day ago, and their windows: what the service leaves behind.
grow() {
    local rows=$1 next sql_timeout=600
    while ((rows < $2)); do
        next=$((rows + 1000000 < $2 ? rows + 1000000 : $2))
        sql "WITH made AS (
                INSERT INTO jobs (object_id, status, start_time, end_time, created_at)
                SELECT -$seeded - i, 'success', moment, moment, moment
                FROM generate_series($rows + 1, $next) i, timezone('utc', now() - interval '1 day') moment
                RETURNING id, object_id
            )
            INSERT INTO windows (object_id, job_id, created_at) SELECT object_id, id, now() - interval '1 day' FROM made"
        rows=$next
        printf '         %d rows after %d s\n' "$rows" "$SECONDS"
    done
    sql 'VACUUM ANALYZE jobs, windows'
    as_superuser CHECKPOINT
}

# GET asks for any of the jobs from the first finished one on.
growth_rounds() {
    local round count
    count=$(sql "SELECT max(id) - $first_finished + 1 FROM jobs")
    for ((round = 0; round < ROUNDS; round++)); do
        load "growth post-new $1" "$url" post-new 64 "$SECONDS_EACH"
        load "growth get $1" "$url" get 64 "$SECONDS_EACH" "$count" "$first_finished"
    done
}
