# Requests through nginx, with wrk.
# shellcheck shell=bash

seeded=20000

# load KIND TARGET SCRIPT CONNECTIONS SECONDS ARGUMENT...: one run, into api.tsv:
# kind, requests a second, p50 ms, p99 ms, errors, requests
load() {
    local kind=$1 target=$2 script=$3 connections=$4 seconds=$5 threads=$((cores < 8 ? cores : 8))
    shift 5
    timeout $((seconds + 30)) wrk --threads=$((connections < threads ? connections : threads)) \
        --connections="$connections" --duration="${seconds}s" --latency --script="$bench/$script.lua" "$target" -- "$@" |
        tee --append "$work/log/wrk.log" | awk -v kind="$kind" '
            function ms(time) { return time ~ /us$/ ? time / 1000 : time ~ /ms$/ ? time + 0 : time * 1000 }
            $1 == "50%" { p50 = ms($2) }
            $1 == "99%" { p99 = ms($2) }
            /requests in/ { requests = $1 }
            /^Requests\/sec/ { rate = $2 }
            /Non-2xx/ { errors += $NF }
            /Socket errors/ { gsub(",", ""); errors += $4 + $6 + $8 + $10 }
            END {
                if (!rate) errors++
                printf "%s\t%.1f\t%.3f\t%.3f\t%d\t%d\n", kind, rate, p50, p99, errors, requests
            }' | show_load
}

show_load() {
    tee --append "$out/api.tsv" |
        awk -F '\t' '{ printf "         %-24s %8.0f/s  p50 %8.2f ms  p99 %8.2f ms  errors %d\n", $1, $2, $3, $4, $5 }'
}

# load_ab KIND CONNECTIONS SECONDS: the same with ab, which posts one body again and again.
load_ab() {
    timeout $(($3 + 30)) ab -q -k -c "$2" -t "$3" -n 100000000 -T application/json -p "$bench/post.json" "$url/v1/jobs" \
        2>>"$work/log/ab-errors.log" | tee --append "$work/log/ab.log" | awk -v kind="$1" '
            /^Complete requests/ { requests = $3 }
            /^Failed requests/ { errors += $3 }
            /^Non-2xx/ { errors += $3 }
            /^Requests per second/ { rate = $4 }
            $1 == "50%" { p50 = $2 }
            $1 == "99%" { p99 = $2 }
            END {
                if (!rate) errors++
                printf "%s\t%.1f\t%.3f\t%.3f\t%d\t%d\n", kind, rate, p50, p99, errors, requests
            }' | show_load
}

# api KIND COLUMN: the median of a kind's runs.
api() { awk -F '\t' -v kind="$1" -v column="$2" '$1 == kind { print $column }' "$out/api.tsv" | median; }

api_errors() { awk -F '\t' '{ errors += $5 } END { print errors + 0 }' "$out/api.tsv"; }

# Jobs that wait and jobs that have ended, to be asked for. No worker runs meanwhile.
seed() {
    reset_stack
    first_waiting=$(sql "WITH made AS (INSERT INTO jobs (object_id, status)
        SELECT -i, 'created' FROM generate_series(1, $seeded) i RETURNING id) SELECT min(id) FROM made")
    first_finished=$(sql "WITH made AS (INSERT INTO jobs (object_id, status, start_time, end_time, created_at)
        SELECT -i, 'success', moment, moment, moment
        FROM generate_series(1, $seeded) i, timezone('utc', now() - interval '1 hour') moment
        RETURNING id) SELECT min(id) FROM made")
    sql 'VACUUM ANALYZE jobs'
}

measure_api() {
    local round
    seed
    for ((round = 1; round <= ROUNDS; round++)); do
        step "requests: round $round of $ROUNDS"
        api_round
    done
    check_created
    sweep_connections
    step "requests: memory under 512 connections"
    load "memory post-new 512" "$url" post-new 512 "$sweep_seconds"
    load "memory get 512" "$url" get 512 "$sweep_seconds" "$seeded" "$first_waiting"
    record_memory job-fcgi
}

api_round() {
    local connections
    for connections in 16 64 256; do
        load "hello $connections" "$hello_url" get "$connections" "$SECONDS_EACH" "$seeded" 1
        load "post-new $connections" "$url" post-new "$connections" "$SECONDS_EACH"
    done
    load "post-repeat 64" "$url" post-repeat 64 "$SECONDS_EACH"
    load_ab "ab 64" 64 "$sweep_seconds"
    load "get 64" "$url" get 64 "$SECONDS_EACH" "$seeded" "$first_waiting"
    load "get-finished 64" "$url" get 64 "$SECONDS_EACH" 1000 "$first_finished"
    load "get-unchanged 64" "$url" get 64 "$SECONDS_EACH" 1000 "$first_finished" '*'
    load "mixed 64" "$url" mixed 64 "$SECONDS_EACH" "$seeded" "$first_waiting"
}

# An answer is not enough: each new object has to have become a row. Requests that were under way as a run ended are not
# counted by wrk, and few objects are drawn twice.
check_created() {
    local rows requests
    rows=$(sql "SELECT count(*) FROM jobs WHERE object_id > 0")
    requests=$(awk -F '\t' '$1 ~ /^post-new / { sum += $6 } END { printf "%d", sum }' "$out/api.tsv")
    ((rows >= requests * 99 / 100)) || die "$requests objects were posted, $rows jobs are there"
}

sweep_connections() {
    local connections
    step "requests: over the number of connections"
    for connections in "${sweep_connections[@]}"; do
        load "sweep hello $connections" "$hello_url" get "$connections" "$sweep_seconds" "$seeded" 1
        load "sweep post-new $connections" "$url" post-new "$connections" "$sweep_seconds"
        load "sweep get $connections" "$url" get "$connections" "$sweep_seconds" "$seeded" "$first_waiting"
    done
}
