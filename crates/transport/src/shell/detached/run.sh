pb_s=${0%/run}
# Once and never again: a file that is there is not overwritten.
set -C
pb_born $$ && { echo "$$ $pb_B ok" >"$pb_s/pid"; } 2>/dev/null || exit 125
set +C
