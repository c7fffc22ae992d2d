# Shared by the scripts beside this file.
# shellcheck shell=bash

# The directory of the repository.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '==> %s\n' "$*"; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Sets `link`, where the caller sees the stack's state (RUN, by default .run in the repository), and `run`, where it really is.
# They differ where the link cannot hold it: a unix socket's path ends at 107 bytes, and under root PostgreSQL and nginx run
# as users of their own, who may not get into a repository below /root.
find_run_directory() {
    link=$(realpath --canonicalize-missing --no-symlinks "${RUN:-$root/.run}")
    run=$link
    if [[ -L $link ]]; then
        run=$(realpath --canonicalize-missing "$link")
    elif [[ ! -e $link ]] && ! is_reachable "$link"; then
        run=/var/tmp/job-service-$UID-$(cksum <<<"$link" | cut -d ' ' -f 1)
    fi
    [[ ! -L $run && (! -e $run || -O $run) ]] || die "$run belongs to someone else: make up RUN=<another directory>"
    [[ ! -e $run || -e $run/lock || -z $(ls -A "$run") ]] || die "$run holds something else: make up RUN=<another directory>"
}

is_reachable() {
    local directory=$1 user
    ((${#directory} <= 80)) || return 1
    ((UID == 0)) || return 0
    until [[ -d $directory ]]; do directory=$(dirname "$directory"); done
    for user in postgres www-data; do
        runuser -u "$user" -- test -x "$directory" || return 1
    done
}

# fill_in FILE NAME=VALUE...: prints the file with each ${NAME} replaced.
fill_in() {
    local text pair
    text=$(<"$1")
    shift
    for pair; do text=${text//"\${${pair%%=*}}"/"${pair#*=}"}; done
    printf '%s\n' "$text"
}

# write_nginx RUN NAME=VALUE...: the configuration of an nginx that keeps its files in that directory.
write_nginx() {
    local run=$1
    shift
    cp "$root"/nginx/*.conf "$run/nginx"
    fill_in "$root/nginx/local.conf.template" "RUN=$run" "$@" >"$run/nginx/nginx.conf"
}

# One stack a directory. The kernel gives the lock back however its holder ends.
take_lock() {
    exec {lock}<>"$run/lock"
    flock --nonblock "$lock" || die "a stack is already running in $link (process $(<"$run/lock"))${1:+: $1}"
}

# Prints the id and name of each process of this stack. Known by its name together with its working directory (PostgreSQL,
# Redis, nginx) or its environment (ours), so that neither a reused process id nor a shell in the directory is taken for one.
processes() {
    local process name
    for process in /proc/[0-9]*; do
        read -r name 2>/dev/null <"$process/comm" || continue
        case $name in
            postgres | redis-server | nginx)
                [[ $(readlink "$process/cwd")/ == "$run"/* ]] || continue ;;
            supervisord | job-fcgi | job-worker)
                grep --quiet --null-data --line-regexp --fixed-strings "STACK_RUN=$run" "$process/environ" 2>/dev/null || continue ;;
            *) continue ;;
        esac
        echo "${process#/proc/} $name"
    done
}

# Ends what is left of an earlier run. The kernel told every part to stop when its parent died, so this mostly waits; a living
# supervisord is stopping the rest in order, and is let do it.
sweep() {
    local left id name deadline=$((SECONDS + ${STACK_STOP_WAIT:-40} + 20))
    left=$(processes)
    [[ -n $left ]] || return 0
    say "stopping what an earlier run left behind: $(cut -d ' ' -f 2 <<<"$left" | sort --unique | paste --serial --delimiters ' ')"
    while left=$(processes) && [[ -n $left ]]; do
        if [[ $left != *supervisord* && -z ${told:-} ]]; then
            local told=yes
            while read -r id name; do kill -TERM "$id" 2>/dev/null || true; done <<<"$left"
        fi
        ((SECONDS < deadline)) || die "still running, please end them by hand: ${left//$'\n'/, }"
        sleep 0.1 || true
    done
}
