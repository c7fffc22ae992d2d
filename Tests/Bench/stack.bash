# The stack that is measured, and the references beside it.
# shellcheck shell=bash

start_stack() {
    local port
    port=$(free_port)
    step "starting the stack on port $port"
    start up env PORT="$port" RUN="$work/stack" WORKERS=0 BIN="$bin" "$root/Sources/stack/up"
    url=http://127.0.0.1:$port
    wait_for 120 "the stack starts" is_up
    # shellcheck source=/dev/null
    source "$work/stack/env"
    RUN=$work/stack find_run_directory
}

is_up() {
    kill -0 "$started" 2>/dev/null || die "the stack does not start: $(tail --lines=5 "$work/log/up.log")"
    is_ready "$url" && grep --quiet '^ready:' "$work/log/up.log"
}

is_ready() { curl --silent --fail --noproxy '*' --max-time 2 --output /dev/null "$1/readyz"; }

# Ends the pool's connections to PostgreSQL, and with that has it count what they did.
restart_responders() {
    timeout 60 supervisorctl -c "$run/supervisord.conf" restart 'job-fcgi:*' job-fcgi-standby:job-fcgi-standby >>"$work/log/supervisorctl.log" 2>&1
    wait_for 30 "job-fcgi is back" is_ready "$url"
}

# as_superuser STATEMENT...
as_superuser() {
    PGHOST=$run/postgres PGPASSWORD=$(<"$run/password-postgres") \
        timeout 300 psql --username=postgres --dbname=jobs --no-psqlrc --quiet "${@/#/--command=}" >/dev/null
}

# Empties the tables and the stream. The stream's group stays, and no id is used twice.
reset_stack() {
    sql 'TRUNCATE jobs, windows, announcements' >/dev/null
    redis XTRIM jobs MAXLEN 0 >/dev/null
}

# fill COUNT: jobs that wait, announced in the stream as job-fcgi does it.
fill() {
    reset_stack
    sql "INSERT INTO jobs (object_id, status) SELECT i, 'created' FROM generate_series(1, $1) i" >/dev/null
    sql "COPY (SELECT 'XADD jobs * v 1 id ' || id FROM jobs ORDER BY id) TO STDOUT" |
        redis --pipe >>"$work/log/pipe.log" 2>&1
    sql 'VACUUM ANALYZE jobs'
    (($(redis XLEN jobs) == $1)) || die "the stream has not taken every job"
}

# A responder that answers at once, behind an nginx with the same configuration.
start_hello() {
    local run=$work/hello port user=''
    step "starting the reference responder"
    port=$(free_port)
    hello_url=http://127.0.0.1:$port
    mkdir --parents "$run/log" "$run/nginx"
    chmod 711 "$run"
    cc -O2 -Wall -o "$out/hello" "$bench/hello.c" -lfcgi -lpthread
    cc -O2 -Wall -o "$out/spawn" "$bench/spawn.c"
    ((UID != 0)) || user='user www-data;'
    write_nginx "$run" "PORT=$port" "NGINX_USER=$user" LISTEN_IPV6=
    start hello "$out/hello" "$run/job-fcgi.sock" 4
    start hello-nginx /usr/sbin/nginx -e stderr -p "$run/nginx" -c "$run/nginx/nginx.conf"
    wait_for 20 "the reference responder starts" is_ready "$hello_url"
}

find_pgbench() { printf '%s\n' /usr/lib/postgresql/*/bin/pgbench | sort --version-sort | tail --lines=1; }

measure_references() {
    local pipeline
    step "references: pgbench, redis-benchmark, posix_spawn"
    sql 'CREATE TABLE bench_reference (id bigserial PRIMARY KEY, object_id integer NOT NULL, status text NOT NULL,
        created_at timestamp(6) NOT NULL DEFAULT timezone('"'utc'"', now()))' >/dev/null
    record pgbench "$(timeout $((SECONDS_EACH + 30)) "$(find_pgbench)" --no-vacuum --protocol=prepared --jobs=2 \
        --client=16 --time="$SECONDS_EACH" --file="$bench/insert.sql" "$DATABASE_URL" 2>>"$work/log/pgbench.log" |
        sed -n 's/^tps = \([0-9.]*\) .*/\1/p')"
    sql 'DROP TABLE bench_reference' >/dev/null
    for pipeline in 1 100; do
        record "redis $pipeline" "$(timeout 60 redis-benchmark -p "$REDIS_PORT" -a "$REDISCLI_AUTH" --csv -P "$pipeline" \
            -n $((pipeline == 1 ? 40000 : 400000)) XADD bench '*' v 1 id __rand_int__ 2>>"$work/log/redis-benchmark.log" |
            tail --lines=1 | cut --delimiter='"' --fields=4)"
        redis DEL bench >/dev/null
    done
    record spawn "$(timeout 60 "$out/spawn" $((command_jobs * 2)) "$cores")"
}
