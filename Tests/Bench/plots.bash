# The plots, from the tables that the measurements wrote.
# shellcheck shell=bash

# plot NAME LABEL_X LABEL_Y OPTIONS CURVE...: a curve is `FILE|TITLE|USING`. Those without a point are left out.
plot() {
    local name=$1 label_x=$2 label_y=$3 options=$4 curve file title using curves=''
    shift 4
    for curve; do
        IFS='|' read -r file title using <<<"$curve"
        [[ ! -s $file ]] || curves+="${curves:+, }'$file' using $using with linespoints pointtype 7 pointsize 0.4 title '$title'"
    done
    [[ -n $curves ]] || return 0
    timeout 60 gnuplot <<GNUPLOT
set terminal svg size 800,450 font 'sans-serif,13' background 'white'
set output '$out/$name.svg'
set datafile separator '\t'
set key outside top center horizontal
set grid
set xlabel '$label_x'
set ylabel '$label_y'
set yrange [0:*]
$options
plot $curves
GNUPLOT
}

# medians PREFIX: of the kinds `PREFIX N`: N, requests a second, p50, p99.
medians() {
    local number
    awk -F '\t' -v prefix="$1 " 'index($1, prefix) == 1 { print substr($1, length(prefix) + 1) }' "$out/api.tsv" |
        sort --numeric-sort --unique | while read -r number; do
        printf '%s\t%s\t%s\t%s\n' "$number" "$(api "$1 $number" 2)" "$(api "$1 $number" 3)" "$(api "$1 $number" 4)"
    done
}

plots() {
    local kind count log='set logscale x 2'
    for kind in hello post-new get; do medians "sweep $kind" >"$work/sweep $kind.tsv"; done
    for kind in post-new get; do medians "growth $kind" >"$work/growth $kind.tsv"; done
    for count in 1 4; do from_start "noop $count" >"$work/backlog $count.tsv"; done
    plot throughput connections 'requests a second' "$log" "$work/sweep hello.tsv|hello|1:2" \
        "$work/sweep get.tsv|GET|1:2" "$work/sweep post-new.tsv|POST|1:2"
    plot latency connections milliseconds "$log"$'\nset logscale y\nset yrange [*:*]' \
        "$work/sweep get.tsv|GET p50|1:3" "$work/sweep get.tsv|GET p99|1:4" \
        "$work/sweep post-new.tsv|POST p50|1:3" "$work/sweep post-new.tsv|POST p99|1:4"
    plot backlog seconds 'messages in the stream' '' "$work/backlog 1.tsv|1 worker|1:2" "$work/backlog 4.tsv|4 workers|1:2"
    plot growth 'finished jobs in the table, millions' 'requests a second' '' \
        "$work/growth get.tsv|GET|(\$1/1e6):2" "$work/growth post-new.tsv|POST|(\$1/1e6):2"
}

# The samples of a backlog, from the last before it shrank.
from_start() {
    awk -F '\t' '
        $2 != first || NR == 1 { if (NR == 1) { first = $2 } else if (!shown) { print 0 "\t" first; shown = 1 } }
        !shown { start = $1 }
        shown { printf "%.2f\t%d\n", $1 - start, $2 }' "$out/backlog $1.tsv"
}
