# The table, on the terminal and as Markdown, and the plots.
# shellcheck shell=bash

# row WHAT FIGURE P50 P99 AGAINST
row() { printf '%s\t%s\t%s\t%s\t%s\n' "$@" >>"$out/table.tsv"; }

# rate FIGURE: `12 345/s`; a dash where there is none.
rate() {
    [[ -n $1 ]] || { echo 'not measured'; return; }
    printf '%.0f/s\n' "$1" | sed --expression=':again; s/\B[0-9]\{3\}\b/ &/; t again; s/\([0-9]\)\([0-9]\{3\}\)\b/\1 \2/'
}

# against FIGURE REFERENCE NAME ...: `0.45 × hello, 3.10 × pgbench`
against() {
    local figure=$1 text=''
    shift
    while (($#)); do
        [[ -z $figure || -z $1 ]] || text+="${text:+, }$(calculate "$figure / ($1 + 1e-9)") × $2"
        shift 2
    done
    echo "${text:--}"
}

# api_row WHAT KIND (REFERENCE NAME)...
api_row() {
    local what=$1 kind=$2
    shift 2
    row "$what" "$(rate "$(api "$kind" 2)")" "$(api "$kind" 3)" "$(api "$kind" 4)" "$(against "$(api "$kind" 2)" "$@")"
}

figure_row() {
    local what=$1 name=$2
    shift 2
    row "$what" "$(rate "$(figure "$name")")" - - "$(against "$(figure "$name")" "$@")"
}

plain_row() { row "$1" "$2" - - "${3:--}"; }

reference_rows() {
    local connections
    for connections in 16 64 256; do
        api_row "reference \`hello\`: libfcgi, no database, $connections connections" "hello $connections"
    done
    figure_row "reference pgbench: single-row INSERT, 16 clients" pgbench
    figure_row "reference redis-benchmark: XADD" 'redis 1'
    figure_row "reference redis-benchmark: XADD, pipelines of 100" 'redis 100'
    figure_row "reference posix_spawn and wait of /bin/true, $cores at once" spawn
}

api_rows() {
    local connections hello
    for connections in 16 64 256; do
        api_row "POST, new objects, $connections connections" "post-new $connections" \
            "$(api "hello $connections" 2)" hello "$(figure pgbench)" pgbench
    done
    hello=$(api 'hello 64' 2)
    api_row 'POST, the same 1000 objects, 64 connections' 'post-repeat 64' "$hello" hello "$(api 'post-new 64' 2)" 'new objects'
    api_row 'POST with ab, the same object, 64 connections' 'ab 64' "$hello" hello
    api_row 'GET, waiting jobs, 64 connections' 'get 64' "$hello" hello
    api_row 'GET, the same 1000 finished jobs, 64 connections' 'get-finished 64' "$hello" hello
    api_row 'GET, the same with If-None-Match: 304, 64 connections' 'get-unchanged 64' "$hello" hello
    api_row 'mixed: 2 new, 1 repeated, 7 GET, 64 connections' 'mixed 64' "$hello" hello
}

worker_rows() {
    local count
    figure_row "worker, $JOBS no-op jobs" 'noop 1' "$(figure 'redis 100')" 'XADD, pipelined' "$(figure pgbench)" pgbench
    figure_row "4 workers, $JOBS no-op jobs" 'noop 4' "$(figure 'noop 1')" '1 worker'
    for count in 1 4; do
        plain_row "last tenth of the jobs, $count at work" "$(figure "noop $count linearity") × as fast as the second"
    done
    figure_row "worker, $command_jobs times JOB_COMMAND=true" command "$(figure spawn)" posix_spawn
    row 'pick-up: accepted to running, idle worker' "$pickups jobs" "$(figure 'pick-up p50')" "$(figure 'pick-up p99')" -
    figure_row 'worker, jobs of 50 ms, 32 at once' '50 ms 1' 640 'what is possible'
    figure_row '4 workers, jobs of 50 ms, 32 at once each' '50 ms 4' "$(figure '50 ms 1')" '1 worker'
}

growth_sizes() { awk -F '\t' '$1 ~ /^growth get / { sub("growth get ", "", $1); print $1 }' "$out/api.tsv" | sort --numeric-sort --unique; }

growth_rows() {
    local size script what
    if [[ -z $(growth_sizes) ]]; then
        plain_row 'POST and GET in a grown table' 'not measured'
        return 0
    fi
    plain_row "worker, $drain jobs: the last tenth" "$(figure 'drain linearity') × as fast as the second"
    plain_row "memory: worker, $drain jobs waiting" "$(figure 'drain: memory MiB') MiB"
    for size in $(growth_sizes); do
        for script in post-new get; do
            [[ $script == get ]] && what='GET' || what='POST, new objects'
            api_row "$what, $size finished jobs in the table" "growth $script $size" "$(api "growth $script 0" 2)" 'the empty table'
        done
        plain_row "reconciler: a turn, $size finished jobs in the table" "$(figure "turn $size") ms"
    done
    plain_row "reconciler: a turn, $drain jobs waiting" "$(figure 'turn waiting') ms"
}

resource_rows() {
    local name
    plain_row 'memory: job-fcgi, 512 connections' "$(figure 'job-fcgi: memory MiB') MiB"
    plain_row "memory: worker, $JOBS jobs waiting" "$(figure 'noop 1: memory MiB') MiB"
    for name in job-fcgi noop-worker nginx postgres redis-server; do
        plain_row "idle: $name, busiest process" "$(figure "idle $name") % of a core"
    done
    plain_row 'idle: PostgreSQL, 1 worker' "$(figure 'idle statements') transactions/s"
}

# What one of each costs, side by side.
cost_table() {
    local name what value line
    printf 'cost of one\tPOST, new\tPOST, repeated\tGET\tno-op job\n'
    for name in 'WAL bytes' commits 'Redis commands' syscalls 'jobs updated' 'jobs updated HOT' 'windows updated' 'windows updated HOT'; do
        line=$name
        for what in post-new post-repeat get 'no-op job'; do
            value=$(figure "$what: $name")
            line+=$'\t'${value:--}
        done
        printf '%s\n' "$line"
    done
}

machine() {
    local model
    model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head --lines=1)
    cat <<TEXT
- machine: $cores cores (${model:-$(uname --machine)}), $(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo), Linux $(uname --kernel-release); load client, nginx, service, PostgreSQL and Redis share it
- versions: $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release), $(psql --version | sed 's/psql (\(.*\)) \([0-9.]*\).*/\1 \2/'), $(redis-server --version | sed 's/ server v=\([^ ]*\).*/ \1/'), $(/usr/sbin/nginx -v 2>&1 | sed 's/.*: //'), $(swift --version 2>/dev/null | sed -n 's/.*\(Swift version [0-9.]*\).*/\1/p'), commit $(git -C "$root" describe --always --dirty 2>/dev/null || echo unknown)
- settings: $ROUNDS rounds of $SECONDS_EACH s, medians; began $(basename "$out"), took $SECONDS s; load average at the end $(cut --delimiter=' ' --fields=1 /proc/loadavg)
- requests that failed: $(api_errors); jobs that failed or ran twice: $(failed_jobs)
TEXT
}

failed_jobs() { awk -F '\t' '$1 ~ / failed$/ { sum += $2 } END { print sum + 0 }' "$out/figures.tsv"; }

as_markdown() { sed 's/\t/ | /g; s/^/| /; s/$/ |/'; }

markdown() {
    local plot
    echo '# Measured'
    echo
    machine
    echo
    echo 'Absolute figures drift from hour to hour on a machine that does other things too; the last column drifts less.'
    echo
    echo '| what | figure | p50 ms | p99 ms | against the reference of this run |'
    echo '| --- | ---: | ---: | ---: | --- |'
    as_markdown <"$out/table.tsv"
    echo
    head --lines=1 "$out/cost.tsv" | as_markdown
    echo '| --- | ---: | ---: | ---: | ---: |'
    tail --lines=+2 "$out/cost.tsv" | as_markdown
    for plot in throughput latency backlog growth; do
        [[ ! -s $out/$plot.svg ]] || printf '\n![%s](%s.svg)\n' "$plot" "$plot"
    done
}

terminal() {
    echo
    machine
    echo
    awk -F '\t' '{ gsub("`", ""); printf "%-66s %22s %9s %9s  %s\n", $1, $2, $3, $4, $5 }' \
        <(printf 'what\tfigure\tp50 ms\tp99 ms\tagainst\n') "$out/table.tsv"
    echo
    awk -F '\t' '{ printf "%-30s %14s %14s %14s %14s\n", $1, $2, $3, $4, $5 }' "$out/cost.tsv"
}

report() {
    step "the report"
    : >"$out/table.tsv"
    reference_rows
    api_rows
    worker_rows
    growth_rows
    resource_rows
    cost_table >"$out/cost.tsv"
    plots
    markdown >"$out/results.md"
    rm --force "$out/hello" "$out/spawn"
    terminal
    printf '\nresults: %s/results.md\n' "$out"
    (($(api_errors) == 0 && $(failed_jobs) == 0)) || die "requests or jobs failed: see above"
}
