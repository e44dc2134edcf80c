# Runs the server, and ends it and removes its folder when standard input ends: the rehearsal has dropped the cluster, or has died.
# Its own process group, so that Ctrl-C does not reach it. Arguments: folder, initdb, postgres, libfaketime, and the server's options.
set -u
# The reader of this script's output may have ended by then.
trap : PIPE
folder=$1 initdb=$2 postgres=$3 faketime=$4
shift 4

if ! "$initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --no-locale --no-sync --wal-segsize=2 >"$folder/log" 2>&1 </dev/null; then
    echo "initdb"
    cat >/dev/null
    rm -rf "$folder"
    exit
fi
# The clock that timers run on stays real, or the server would never wake from a wait.
LD_PRELOAD=$faketime FAKETIME_TIMESTAMP_FILE=$folder/clock FAKETIME_FMT=%s FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \
    FAKETIME_DISABLE_SHM=1 NO_FAKE_STAT=1 \
    "$postgres" -D "$folder/data" -k "$folder" "$@" >"$folder/log" 2>&1 </dev/null &
server=$!
echo "server $server"

cat >/dev/null

runs() { [ -d "/proc/$server" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$server/status"; }
turns=0 backends=
# Again and again: a server that is just starting ignores the signal, and a stopped process ends once it continues.
while runs && [ "$turns" -lt 100 ]; do
    backends=$(cat "/proc/$server/task/$server/children" 2>/dev/null)
    kill -QUIT "$server" 2>/dev/null
    for backend in $backends; do kill -CONT "$backend" 2>/dev/null; done
    sleep 0.05
    turns=$((turns + 1))
done
if runs; then
    for process in $server $backends; do kill -KILL "$process" 2>/dev/null; done
fi
rm -rf "$folder"
