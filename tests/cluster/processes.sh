# shellcheck shell=bash disable=SC2154
# Programs that run in the background of a folder, for scripts to source: their pids are in $dir/run, their output in $dir/log.
#
# Whoever sources this sets `dir` (an absolute path that every launched command line names), and makes $dir/run and $dir/log.

# alive NAME: whether the process of run/NAME.pid is there and is ours: its command line names DIR, so that a reused pid is never taken for it.
alive() {
  local pid
  pid=$(cat "$dir/run/$1.pid" 2>/dev/null) && [ -n "$pid" ] && grep -qsF -- "$dir" "/proc/$pid/cmdline"
}

# launch NAME PROGRAM ARGUMENT...: in a session of its own, so that it outlives this script and its terminal.
launch() {
  local name=$1
  shift
  setsid nohup "$@" >"$dir/log/$name.log" 2>&1 </dev/null &
  printf '%s\n' $! >"$dir/run/$name.pid"
  disown   # or bash would report its end
}

# gone PID: no thread of it holds a socket any more. What is left may be a zombie that nobody has waited for (a container's init may not).
gone() {
  local tasks=("/proc/$1/task"/*)
  ! kill -0 "$1" 2>/dev/null || { [ "${#tasks[@]}" -le 1 ] && grep -qs '^State:.Z' "/proc/$1/status"; }
}

# SIGKILL on purpose: a graceful stop of the API server takes 5 s, and what depends on it must survive a crash anyway.
end() {
  local name=$1 pid
  if alive "$name"; then
    pid=$(cat "$dir/run/$name.pid")
    kill -9 "$pid" 2>/dev/null || true
    until gone "$pid"; do sleep 0.02; done
  fi
  rm -f "$dir/run/$name.pid"
}

# free_port: a port of 127.0.0.1 where nobody answers, below the range that the kernel gives to outgoing connections. Somebody may still take it before
# our program does: whoever uses it looks for "address already in use" and comes again.
free_port() {
  local port
  for _ in $(seq 200); do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      printf '%s\n' "$port"
      return
    fi
  done
  printf 'no free port between 20000 and 32000 on 127.0.0.1\n' >&2
  return 1
}

# await NAME SECONDS COMMAND...: until the command succeeds. 1 when the program ended first, 2 when the time is up.
await() {
  local name=$1 deadline=$((SECONDS + $2))
  shift 2
  until "$@" >/dev/null 2>&1; do
    alive "$name" || return 1
    [ "$SECONDS" -lt "$deadline" ] || return 2
    sleep 0.05
  done
}

# explain NAME: why a program did not come up, in its own words.
explain() {
  printf '%s did not come up; the end of %s:\n' "$1" "$dir/log/$1.log" >&2
  tail -n 8 "$dir/log/$1.log" >&2 || true
}
