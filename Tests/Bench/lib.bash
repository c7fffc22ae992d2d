# What the parts of `bench` share: progress, processes, figures.
# shellcheck shell=bash

step() { printf '[%4d s] %s\n' "$SECONDS" "$*"; }

now() { date --utc +%Y-%m-%dT%H-%M-%SZ; }

# The results go to $out; sockets, logs and data to $work.
prepare() {
    local program
    for program in wrk ab gnuplot redis-cli redis-benchmark psql cc curl; do
        command -v "$program" >/dev/null || die "$program is missing: Sources/stack/install run bench"
    done
    for program in job-fcgi job-worker job-migrate noop-worker; do
        [[ -x $bin/$program ]] || die "$bin/$program is missing: make bench"
    done
    # The service is to see this stack alone.
    unset "${!JOB_@}" "${!PG@}" "${!MAKE@}" MFLAGS RATE_LIMIT DATABASE_URL REDIS_URL http_proxy all_proxy
    ulimit -Sn 65536 2>/dev/null || ulimit -Sn "$(ulimit -Hn)"
    out=$root/.bench/$(now)
    mkdir --parents "$out"
    work=$(mktemp --directory --tmpdir job-service-bench.XXXXXX)
    chmod 711 "$work"
    mkdir "$work/log"
    touch "$out"/{api,figures}.tsv
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# start NAME COMMAND...: in the background, its output in a log of that name; it ends with this script. Sets `started`.
started_all=()
start() {
    local name=$1
    shift
    setpriv --pdeathsig TERM "$@" >>"$work/log/$name.log" 2>&1 &
    started=$!
    started_all+=("$started")
}

# stop SECONDS PROCESS...: tells processes of ours to end, and makes those end that do not in time.
stop() {
    local deadline=$((SECONDS + $1)) process
    shift
    for process; do kill -TERM "$process" 2>/dev/null || true; done
    for process; do
        while kill -0 "$process" 2>/dev/null && ((SECONDS < deadline)); do sleep 0.02; done
        ! kill -KILL "$process" 2>/dev/null || step "process $process did not stop, and was killed"
        wait "$process" 2>/dev/null || true
        forget "$process"
    done
}

# To be called when a process has ended: its id may soon be someone else's.
forget() {
    local i
    for i in "${!started_all[@]}"; do
        [[ ${started_all[i]} != "$1" ]] || unset 'started_all[i]'
    done
}

# The last that was started goes first. The stack stops its own parts in order, which may take a while.
stop_all() {
    local -a processes=("${started_all[@]}")
    local i
    for ((i = ${#processes[@]} - 1; i >= 0; i--)); do stop 90 "${processes[i]}"; done
}

clean_up() {
    local code=$?
    trap '' INT TERM HUP
    trap - EXIT
    stop_all
    if ((code != 0)) && [[ -d $work/log ]]; then cp --recursive "$work/log" "$out/log"; fi
    rm --recursive --force "${work:?}"
    ((code == 0)) || printf 'error: the measurement failed (%s); logs: %s\n' "$code" "$out/log" >&2
    exit "$code"
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        ((SECONDS < deadline)) || die "$what: not in time"
        # Asking costs what is being measured some of its time.
        sleep 0.3
    done
}

is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Below the range from which the kernel draws the ports of outgoing connections.
free_port() {
    local port=$((10000 + RANDOM % 10000))
    until is_free "$port"; do port=$((10000 + RANDOM % 10000)); done
    echo "$port"
}

sql() { timeout "${sql_timeout:-120}" psql "$DATABASE_URL" --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --command="$1"; }

redis() { timeout 120 redis-cli -h 127.0.0.1 -p "$REDIS_PORT" "$@"; }

# Figures by name: of those taken several times the median counts.
record() {
    printf '%s\t%s\n' "$1" "$2" >>"$out/figures.tsv"
    printf '         %-34s %s\n' "$1" "$2"
}

median() { sort --general-numeric-sort | awk '{ value[NR] = $1 } END { if (NR) print value[int((NR + 1) / 2)] }'; }

figure() { awk -F '\t' -v name="$1" '$1 == name { print $2 }' "$out/figures.tsv" | median; }

calculate() { awk "BEGIN { printf \"%.${2:-2}f\", $1 }"; }
