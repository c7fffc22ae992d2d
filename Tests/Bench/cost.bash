# What a request and a job cost, and what nothing at all costs.
# shellcheck shell=bash

# Prints the ids of a program's processes in the stack.
process_ids() { processes | awk -v name="$1" '$2 == name { print $1 }'; }

# record_memory NAME [PROCESS...]: of these processes, or the program of that name, the largest at its height, in MiB.
record_memory() {
    local name=$1 process
    local -a ids=("${@:2}")
    ((${#ids[@]})) || mapfile -t ids < <(process_ids "$name")
    for process in "${ids[@]}"; do
        awk '/^VmHWM/ { print $2 / 1024 }' "/proc/$process/status"
    done | sort --general-numeric-sort | tail --lines=1 >"$work/memory"
    record "$name: memory MiB" "$(calculate "$(<"$work/memory")" 1)"
}

# WAL bytes, commits, updates and HOT updates of jobs and of windows, Redis commands, so far. PostgreSQL counts what a
# connection did when it ends, at the latest.
counters() {
    sleep 0.3
    sql "SELECT pg_current_wal_insert_lsn() - '0/0', xact_commit,
            jobs.n_tup_upd, jobs.n_tup_hot_upd, windows.n_tup_upd, windows.n_tup_hot_upd
        FROM pg_stat_database, pg_stat_user_tables jobs, pg_stat_user_tables windows
        WHERE datname = current_database() AND jobs.relname = 'jobs' AND windows.relname = 'windows'" | tr '|' '\n'
    redis INFO stats | sed -n 's/^total_commands_processed:\([0-9]*\).*/\1/p'
}

# record_cost NAME COUNT: what lies between the counters in `before` and `after`, for each of COUNT.
record_cost() {
    local -a from to names=('WAL bytes' commits 'jobs updated' 'jobs updated HOT' 'windows updated' 'windows updated HOT' 'Redis commands')
    local i
    mapfile -t from <<<"$before"
    mapfile -t to <<<"$after"
    for i in "${!names[@]}"; do
        record "$1: ${names[i]}" "$(calculate "(${to[i]} - ${from[i]}) / $2" 4)"
    done
}

# Each between two restarts of the pool, which make its connections count; what these cost themselves is little.
measure_api_cost() {
    local script
    seed
    step "cost of a request"
    # What autovacuum writes would be taken for the requests'.
    autovacuum_off jobs windows announcements
    # So that the objects that are then repeated are there.
    load "warm-up" "$url" post-repeat 64 1
    restart_responders
    after=$(counters)
    for script in post-new post-repeat; do
        before=$after
        load "cost $script" "$url" "$script" 64 "$sweep_seconds"
        restart_responders
        after=$(counters)
        record_cost "$script" "$(api "cost $script" 6)"
    done
    autovacuum_on jobs windows announcements
    trace_responders
}

autovacuum_off() {
    local table
    for table; do sql "ALTER TABLE $table SET (autovacuum_enabled = false)"; done
}

autovacuum_on() {
    local table
    for table; do sql "ALTER TABLE $table RESET (autovacuum_enabled)"; done
}

has_strace() { command -v strace >/dev/null && timeout 10 strace -o /dev/null true 2>/dev/null; }

# The sum of a summary that strace wrote, for each of COUNT.
record_syscalls() {
    local calls
    calls=$(awk '$NF == "total" { print (NF == 5 || NF == 6) ? $4 : 0 }' "$2")
    record "$1: syscalls" "$(calculate "${calls:-0} / $3")"
}

# A traced process is many times slower: its batches are what a busier service has.
trace_responders() {
    local script trace
    local -a attach=()
    has_strace || { step "no strace: system calls are not counted"; return 0; }
    mapfile -t attach < <(process_ids job-fcgi | sed 's/^/--attach=/')
    step "system calls of a request"
    for script in post-new post-repeat get; do
        start strace strace --summary-only --follow-forks --output="$out/strace $script.txt" "${attach[@]}"
        trace=$started
        sleep 0.5
        if [[ $script == get ]]; then
            load "trace get" "$url" get 64 "$sweep_seconds" "$seeded" "$first_waiting"
        else
            load "trace $script" "$url" "$script" 64 "$sweep_seconds"
        fi
        stop 10 "$trace"
        record_syscalls "$script" "$out/strace $script.txt" "$(api "trace $script" 6)"
    done
}

# From start to end, which adds a few hundred.
trace_worker() {
    local jobs=20000 trace worker
    has_strace || return 0
    step "system calls of a no-op job"
    fill "$jobs"
    start strace strace --summary-only --follow-forks --output="$out/strace no-op job.txt" \
        env DATABASE_URL="$DATABASE_URL" REDIS_URL="$REDIS_URL" JOB_PREFETCH=512 JOB_CONCURRENCY=512 "$bin/noop-worker"
    trace=$started
    wait_for 120 "the traced worker is done" is_drained
    worker=$(pgrep --parent "$trace") || die "the traced worker is gone"
    kill -TERM "$worker"
    wait_for 30 "the traced worker stops" is_gone "$trace"
    forget "$trace"
    record_syscalls "no-op job" "$out/strace no-op job.txt" "$jobs"
}

is_gone() { ! kill -0 "$1" 2>/dev/null; }

# Prints name, id and the used clock ticks of each process of the stack, and of the workers.
ticks() {
    local id name
    { processes; printf '%s noop-worker\n' "${workers[@]}"; } | while read -r id name; do
        printf '%s\t%s\t%s\n' "$name" "$id" "$(sed 's/.*) //' "/proc/$id/stat" 2>/dev/null | awk '{ print $12 + $13 }')"
    done
}

# With the idle worker that `measure_pickup` left. The commits of the one session that looks are taken off.
measure_idle() {
    local commits
    step "idle for $idle_seconds s"
    # It counts as transactions too, and comes when it likes.
    as_superuser 'ALTER SYSTEM SET autovacuum = off' 'SELECT pg_reload_conf()'
    # PostgreSQL counts what an idle session did ten seconds after that, at the latest.
    sleep 11
    ticks >"$work/ticks"
    commits=$(timeout $((idle_seconds + 30)) psql "$DATABASE_URL" --no-psqlrc --quiet --tuples-only --no-align <<SQL | paste --serial --delimiters ' '
SELECT xact_commit FROM pg_stat_database WHERE datname = current_database();
\\! sleep $idle_seconds
SELECT xact_commit FROM pg_stat_database WHERE datname = current_database();
SQL
    )
    ticks | awk -F '\t' -v hertz="$(getconf CLK_TCK)" -v seconds="$idle_seconds" '
        NR == FNR { before[$2] = $3; next }
        ($2 in before) { percent = ($3 - before[$2]) * 100 / hertz / seconds; if (percent >= most[$1]) most[$1] = percent }
        END { for (name in most) printf "%s\t%.2f\n", name, most[name] }' "$work/ticks" - | sort >"$work/idle"
    while IFS=$'\t' read -r name percent; do record "idle $name" "$percent"; done <"$work/idle"
    as_superuser 'ALTER SYSTEM RESET autovacuum' 'SELECT pg_reload_conf()'
    record "idle statements" "$(calculate "(${commits#* } - ${commits% *} - 1) / $idle_seconds")"
    stop_workers
}
