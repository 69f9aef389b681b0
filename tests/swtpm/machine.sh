#!/usr/bin/env bash
# One swtpm "machine": a TPM 2.0 with endorsement keys and certificates, as a server on two loopback ports.
#
#   machine.sh up DIR [--ca DIR]                 manufacture (first time) and switch on; prints the TCTI
#   machine.sh tcti DIR                          prints the TCTI of a machine that is up
#   machine.sh extend DIR PCR BANK:HEX...        TPM2_PCR_Extend, for example: extend m1 8 sha256:00..00 sha384:00..00
#   machine.sh reset DIR                         a reboot: PCRs start anew, resetCount grows, the ports stay
#   machine.sh kill DIR                          power off without a word to the TPM
#   machine.sh down DIR                          power off; the state stays, so that `up` is the same TPM again
#
# DIR holds everything: state/ (the TPM), swtpm.pid, swtpm.log, port, ca.pem (the root and the issuing CA of the EK certificates).
# The CA lives in DIR/ca, or in the folder that --ca names, which several machines can share; it is made when it is missing.
# The banks sha1, sha256 and sha384 are allocated; the EK certificates are RSA-2048 (NV 0x01c00002) and P-384 (0x01c00016).
#
# A swtpm serves one connection at a time. The TCTI of tpm2-tss opens one for each command, so that the agent, tpm2-tools and `extend` get along.
set -euo pipefail

die() {
  echo "machine.sh: $*" >&2
  exit 1
}

usage() {
  sed -n '2,/^set /p' "$0" | sed -e '/^set /d' -e 's/^# \{0,1\}//' >&2
  exit 2
}

# The pid of this machine's swtpm, or nothing: a recycled pid is not ours.
running_pid() {
  local pid
  pid=$(cat "$dir/swtpm.pid" 2>/dev/null) || return 0
  if tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "dir=$dir/state"; then
    echo "$pid"
  fi
}

tcti() {
  echo "swtpm:host=127.0.0.1,port=$(cat "$dir/port")"
}

manufacture() {
  local ca=$1
  mkdir -p "$ca" "$dir/state.new"
  chmod 700 "$ca" "$dir/state.new"
  cat >"$dir/localca.conf" <<END
statedir = $ca
signingkey = $ca/signkey.pem
issuercert = $ca/issuercert.pem
certserial = $ca/certserial
END
  cat >"$dir/localca.options" <<END
--platform-manufacturer Plimsoll
--platform-version 1.0
--platform-model Test
END
  cat >"$dir/setup.conf" <<END
create_certs_tool = $(command -v swtpm_localca)
create_certs_tool_config = $dir/localca.conf
create_certs_tool_options = $dir/localca.options
active_pcr_banks = sha1,sha256,sha384
END
  # One at a time for each CA: its serial number is a file. HOME: swtpm_localca wants a place for its own defaults.
  HOME=$dir flock "$ca/.plimsoll.lock" swtpm_setup --tpm2 --tpmstate "$dir/state.new" --config "$dir/setup.conf" \
    --create-ek-cert --create-platform-cert --lock-nvram --pcr-banks sha1,sha256,sha384 --overwrite \
    --logfile "$dir/setup.log" >/dev/null 2>&1 </dev/null ||
    die "swtpm_setup failed: $(tail -n 3 "$dir/setup.log" 2>/dev/null | tr '\n' ' ')"
  cat "$ca/swtpm-localca-rootca-cert.pem" "$ca/issuercert.pem" >"$dir/ca.pem"
  mv "$dir/state.new" "$dir/state"
}

# Starts swtpm on $1 and $1+1; fails when one of them is taken.
start_on() {
  local port=$1
  rm -f "$dir/swtpm.pid"
  swtpm socket --tpm2 --tpmstate "dir=$dir/state" --pid "file=$dir/swtpm.pid" --log "file=$dir/swtpm.log,level=1" --daemon \
    --server "type=tcp,port=$port,bindaddr=127.0.0.1" --ctrl "type=tcp,port=$((port + 1)),bindaddr=127.0.0.1" \
    --flags not-need-init,startup-clear >>"$dir/swtpm.out" 2>&1 </dev/null || return 1
  for _ in $(seq 200); do
    if [[ -n $(running_pid) ]] && (exec 9<>"/dev/tcp/127.0.0.1/$((port + 1))") 2>/dev/null; then
      echo "$port" >"$dir/port"
      return 0
    fi
    sleep 0.02
  done
  die "swtpm does not answer: $(tail -n 3 "$dir/swtpm.log" "$dir/swtpm.out" 2>/dev/null | tr '\n' ' ')"
}

# A machine keeps its ports over `down` and `up` when they are still free. Fresh ones are below the range that the kernel hands out by itself.
power_on() {
  if [[ -n $(running_pid) ]]; then
    return 0
  fi
  if [[ -s $dir/port ]]; then
    for _ in $(seq "${1:-5}"); do
      start_on "$(cat "$dir/port")" && return 0
      sleep 0.1
    done
  fi
  for _ in $(seq 50); do
    start_on $((10000 + 2 * (((RANDOM << 15) ^ RANDOM) % 10000))) && return 0
  done
  die "no two free ports: $(tail -n 2 "$dir/swtpm.out" 2>/dev/null | tr '\n' ' ')"
}

power_off() {
  local pid signal=${1:-TERM}
  pid=$(running_pid)
  [[ -n $pid ]] || return 0
  kill "-$signal" "$pid" 2>/dev/null || true
  for _ in $(seq 250); do
    [[ -n $(running_pid) ]] || return 0
    sleep 0.02
  done
  kill -KILL "$pid" 2>/dev/null || true
}

# Sends one TPM command (hex) and prints the response code (8 hex digits). dd makes one write of it: bash would send each line alone, a line ends where a
# byte is 0x0a, and swtpm takes the first piece for the whole command.
send_command() {
  local hex=$1 port response
  port=$(cat "$dir/port")
  # shellcheck disable=SC2016  # expanded by the inner shell
  response=$(timeout "${2:-10}" bash -c '
    exec 9<>"/dev/tcp/127.0.0.1/$1"
    printf "$(sed "s/../\\\\x&/g" <<<"$2")" | dd bs=4096 iflag=fullblock status=none >&9
    head -c 10 <&9 | od -An -tx1 | tr -d " \n"' _ "$port" "$hex") || return 1
  echo "${response:12:8}"
}

extend() {
  local pcr=$1 count=0 digests='' value bank hex algorithm size code
  shift
  for value in "$@"; do
    bank=${value%%:*}
    hex=${value#*:}
    case $bank in
      sha1) algorithm=0004 size=40 ;;
      sha256) algorithm=000b size=64 ;;
      sha384) algorithm=000c size=96 ;;
      *) die "unknown bank: $bank" ;;
    esac
    [[ ${#hex} -eq $size && $hex =~ ^[0-9a-f]+$ ]] || die "not a $bank digest: $hex"
    digests+=$algorithm$hex
    count=$((count + 1))
  done
  # TPM_ST_SESSIONS, size, TPM_CC_PCR_Extend, the PCR, an empty password, TPML_DIGEST_VALUES.
  local body
  body=$(printf '%08x%08x%08x%08x0000000000%08x%s' $((0x182)) "$pcr" 9 $((0x40000009)) "$count" "$digests")
  code=$(send_command "$(printf '8002%08x%s' $((6 + ${#body} / 2)) "$body")") || die "the TPM does not answer"
  [[ $code == 00000000 ]] || die "TPM2_PCR_Extend: 0x$code"
}

[[ $# -ge 2 ]] || usage
command=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd -P)
shift 2
umask 077

case $command in
  up)
    ca=$dir/ca
    if [[ ${1:-} == --ca && -n ${2:-} ]]; then
      mkdir -p "$2"
      ca=$(cd "$2" && pwd -P)
    elif [[ $# -gt 0 ]]; then
      usage
    fi
    for program in swtpm swtpm_setup swtpm_localca certtool flock; do
      command -v "$program" >/dev/null || die "$program is missing (packages swtpm, swtpm-tools, gnutls-bin, util-linux)"
    done
    [[ -d $dir/state ]] || manufacture "$ca"
    power_on
    tcti
    ;;
  tcti) [[ -n $(running_pid) ]] || die "$dir is not up" && tcti ;;
  extend)
    [[ $# -ge 2 ]] || usage
    [[ -n $(running_pid) ]] || die "$dir is not up"
    extend "$@"
    ;;
  reset)
    # An operating system that reboots sends TPM2_Shutdown(CLEAR); where another client holds the TPM it is a power failure.
    send_command 80010000000c000001450000 1 >/dev/null || true
    power_off
    power_on 50
    ;;
  kill) power_off KILL ;;
  down) power_off ;;
  *) usage ;;
esac
