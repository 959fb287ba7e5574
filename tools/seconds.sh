# shellcheck shell=sh
# Sourced by ../test: what each part of it took, on the clock and of the processors.
#
# A machine that does more than this shows as many seconds on the clock for few of the processors.

SECONDS_AT_MOST=1800 # of ./test, on two processors that do nothing else
_spent=
_began=$(date +%s)
_part_began=$_began
_part_used=0

# Of the processors so far, by all that was started here and has ended; in $_used.
_used() {
  times >"$1" # a subshell's own would be nothing
  # shellcheck disable=SC2046
  set -- $(sed -n '2s/^\([0-9]*\)m\([0-9]*\)[^ ]* \([0-9]*\)m\([0-9]*\).*/\1 \2 \3 \4/p' "$1")
  _used=$((60 * ($1 + $3) + $2 + $4))
}

# took NAME: what was done since the last time is called so.
took() {
  _used .venv/times
  _now=$(date +%s)
  _spent="$_spent$((_now - _part_began)) $((_used - _part_used)) $1
"
  _part_began=$_now _part_used=$_used
}

# All parts, a line each, and what all of them took.
told_seconds() {
  echo "Seconds, and of the processors:"
  echo "$_spent$((_part_began - _began)) $_part_used in all" |
    sed 's/^\([0-9]*\) \([0-9]*\) /\1\t\2\t/'
}

# Did it take longer than it may?
took_too_long() {
  [ $((_part_began - _began)) -gt "$SECONDS_AT_MOST" ]
}
