# What the scripts beside this file share; it is sourced, never run. Works from any folder, on any checkout.

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
lab="$checkout/.lab"
# An ordinary user's PATH lacks the folders that nft, ip and nsenter may lie in.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

need_swift() {
  command -v swift >/dev/null || fail "Swift is not installed: Tricenter builds with Swift 6.3 or later, see https://www.swift.org/install/linux/."
}

# build_quietly LOG COMMAND…: runs a build with its output in LOG, tells now and then how far it is, and on failure what is wrong.
build_quietly() {
  local log=$1 builder started=$SECONDS told=$SECONDS
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 &
  builder=$!
  # A build that is given up (Ctrl-C, SIGTERM) does not go on behind one's back.
  trap 'kill "$builder" 2>/dev/null || true' EXIT
  while kill -0 "$builder" 2>/dev/null; do
    sleep 0.5
    if ((SECONDS - told >= 20)); then
      told=$SECONDS
      say "  $((SECONDS - started)) s: $(tail -n 1 "$log" | cut -c 1-110)"
    fi
  done
  local status=0
  wait "$builder" || status=$?
  trap - EXIT
  if ((status != 0)); then
    grep -E '(error|fatal)[: ]' "$log" | sort -u | head -n 40 >&2 || tail -n 20 "$log" >&2
    fail "The build failed with status $status after $((SECONDS - started)) s; the whole output is in $log."
  fi
  say "  built in $((SECONDS - started)) s"
}

# Pids of this lab's processes: tricenter and containerd started with this lab's folder, or a file in it, as a word of their own.
lab_pids() {
  local file pid words program word
  for file in /proc/[0-9]*/cmdline; do
    pid=${file#/proc/}
    pid=${pid%/cmdline}
    words=()
    { mapfile -d '' -t words <"$file"; } 2>/dev/null || continue
    ((${#words[@]} > 1)) || continue
    program=${words[0]##*/}
    [[ $program == tricenter || $program == containerd ]] || continue
    for word in "${words[@]:1}"; do
      if [[ $word == "$lab" || $word == "$lab"/* ]]; then
        printf '%s\n' "$pid"
        break
      fi
    done
  done
}

# The pid of a host's first process; nothing if the host has no power.
host_pid() {
  local pid words
  for pid in $(lab_pids); do
    { mapfile -d '' -t words <"/proc/$pid/cmdline"; } 2>/dev/null || continue
    if [[ ${words[1]:-} == lab && ${words[2]:-} == host-init && " ${words[*]} " == *" --host $1 "* ]]; then
      printf '%s\n' "$pid"
      return
    fi
  done
}

# The hosts of the site files that a lab of this checkout may have been made from, the branch's included.
lab_hosts() {
  local file
  for file in "$lab/site.yaml" "$checkout/sites/lab/site.yaml"; do
    [[ -r $file ]] || continue
    sed -nE 's/.*\{ *name: *([a-z0-9-]+), *(address|network): .*/\1/p' "$file"
  done | sort -u
}
