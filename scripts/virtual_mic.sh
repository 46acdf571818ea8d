#!/usr/bin/env bash
# A sound card for machines that have none: a private PulseAudio daemon with one null sink, whose
# monitor is the default source. What is played can be heard back.
#
# Usage: scripts/virtual_mic.sh run COMMAND…     run COMMAND with the pretend card, then take it away
#        scripts/virtual_mic.sh start | stop     the same by hand; start prints the environment to export
#
# VMIC_DIR is where the daemon lives (default: vmic in the folder for temporary files); VMIC_RATE
# (48000) and VMIC_CHANNELS (1) describe the card. Nothing outside VMIC_DIR is touched, no file in
# /etc is read but the distribution's own ALSA set-up.
set -euo pipefail
dir=${VMIC_DIR:-${TMPDIR:-/tmp}/vmic}
socket=$dir/native

environment() {
  printf 'export PULSE_SERVER=unix:%s PULSE_COOKIE=%s/cookie ALSA_CONFIG_PATH=%s/asound.conf\n' "$socket" "$dir" "$dir"
}

stop() {
  local name
  for name in reader daemon; do
    if [ -f "$dir/$name.pid" ]; then kill "$(cat "$dir/$name.pid")" 2>/dev/null || true; fi
  done
  rm -rf "$dir"
}

start() {
  stop
  mkdir -p "$dir/home" "$dir/run"
  chmod 700 "$dir" "$dir/home" "$dir/run"
  cat > "$dir/asound.conf" <<CONF
</usr/share/alsa/alsa.conf>
pcm.!default { type pulse server "unix:$socket" hint { show on description "Default (pretend card)" } }
ctl.!default { type pulse server "unix:$socket" }
CONF
  HOME=$dir/home XDG_RUNTIME_DIR=$dir/run PULSE_STATE_PATH=$dir/home PULSE_RUNTIME_PATH=$dir/run \
    setsid pulseaudio -n --daemonize=no --use-pid-file=no --exit-idle-time=-1 --realtime=no --high-priority=no \
    -L "module-native-protocol-unix socket=$socket auth-anonymous=1" \
    -L "module-null-sink sink_name=card rate=${VMIC_RATE:-48000} channels=${VMIC_CHANNELS:-1} format=s16le" \
    </dev/null >"$dir/daemon.log" 2>&1 &
  echo $! > "$dir/daemon.pid"
  eval "$(environment)"
  for _ in $(seq 200); do
    if pactl info >/dev/null 2>&1; then break; fi
    sleep 0.05
  done
  pactl set-default-source card.monitor
  pactl set-default-sink card
  # an idle null sink hands out blocks of up to 2 s; one impatient reader keeps it at 20 ms
  setsid parec --device=card.monitor --latency-msec=20 --raw </dev/null >/dev/null 2>&1 &
  echo $! > "$dir/reader.pid"
  # its first samples may take 2 s; whoever comes after them is served at once
  timeout 6 sh -c 'parec --device=card.monitor --latency-msec=20 --raw 2>/dev/null | head -c 9600 >/dev/null' || true
}

case ${1:-} in
  start) start; environment ;;
  stop) stop ;;
  run)
    shift
    start
    trap stop EXIT
    "$@"
    ;;
  *) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
