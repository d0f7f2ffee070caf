#!/bin/sh
# Runs the scripts of docs/MACHINES.md as they stand: each process in a network namespace of its own, with the
# variables that the schedulers set. Needs root, iproute2, and a built portsim (target/debug, or $PORTSIM).
set -eu
cd "$(dirname "$0")/.."
portsim=${PORTSIM:-$PWD/target/debug/portsim}
work=$(mktemp -d)
nodes="0 1 2"

clean() {
    for i in $nodes; do
        ip netns delete "portsim-$i" 2>/dev/null || true
        rm -rf "/etc/netns/portsim-$i"
    done
    ip link delete portsim-br 2>/dev/null || true
    rm -rf "$work"
}
trap clean EXIT

# The machines: names that only they know, and a wire.
ip link add portsim-br type bridge
ip link set portsim-br up
for i in $nodes; do
    node="portsim-$i"
    ip netns add "$node"
    ip link add "portsim-v$i" type veth peer name eth0 netns "$node"
    ip link set "portsim-v$i" master portsim-br up
    ip -n "$node" addr add "10.77.0.1$i/24" dev eth0
    ip -n "$node" link set eth0 up
    ip -n "$node" link set lo up
    mkdir -p "/etc/netns/$node"
    for j in $nodes; do
        echo "10.77.0.1$j node$j search-$j.search.default.svc.cluster.local"
    done > "/etc/netns/$node/hosts"
done

# What the schedulers bring.
mkdir "$work/bin" "$work/secret"
ln -s "$portsim" "$work/bin/portsim"
head -c 32 /dev/urandom | base64 > "$work/secret/secret"
cp scenarios/bench/pool-4-2-2-4.json "$work/first.json"
cat > "$work/bin/scontrol" <<'END'
#!/bin/sh
printf 'node0\nnode1\nnode2\n'
END
cat > "$work/bin/srun" <<'END'
#!/bin/sh
for i in 0 1 2; do
    SLURM_PROCID=$i ip netns exec "portsim-$i" "$@" &
done
wait
END
cat > "$work/bin/hostname" <<'END'
#!/bin/sh
echo "node$SLURM_ARRAY_TASK_ID"
END
chmod +x "$work"/bin/*
export PATH="$work/bin:$PATH"

# The script of the manual in which a word stands.
script() {
    awk -v word="$1" '
        /^```/ { if (inside && found) { printf "%s", text; exit } inside = !inside; text = ""; found = 0; next }
        inside { text = text $0 "\n"; if (index($0, word)) found = 1 }
    ' docs/MACHINES.md | grep -v '^#SBATCH'
}
script SLURM_JOB_NODELIST > "$work/job.sh"
script SLURM_ARRAY_JOB_ID > "$work/array.sh"
script JOB_COMPLETION_INDEX | sed -n '/^ *for i/,/secret\/secret/s/^ *//p' |
    sed "s|/scenario/|$work/|; s|/secret/secret|$work/secret/secret|; s|/tmp/hosts.txt|\$JOB_HOSTS|" > "$work/pod.sh"

# All three processes have passed, with the same states.
passed() {
    if [ "$(grep -c '^pass .* states' "$work/$1.out")" -ne 3 ]; then
        echo "$1: not all have passed" >&2
        cat "$work/$1.out" >&2
        exit 1
    fi
    echo "$1: $(grep -o '[0-9][0-9 ]* states' "$work/$1.out" | sort -u)"
}

cd "$work"
SLURM_JOB_NODELIST='node[0-2]' sh job.sh > job.out 2>&1
passed job
for i in $nodes; do
    SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_COUNT=3 \
        ip netns exec "portsim-$i" sh array.sh >> array.out 2>&1 &
done
wait
passed array
for i in $nodes; do
    JOB_COMPLETION_INDEX=$i JOB_HOSTS="$work/hosts-$i.txt" \
        ip netns exec "portsim-$i" sh pod.sh >> pod.out 2>&1 &
done
wait
passed pod
