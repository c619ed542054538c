pb_s=$1 pb_S=$2 pb_A=$3 pb_K=$4 pb_n=$5
pb_born $$ && echo "$$ $pb_B ok" >"$pb_s/sup" || exit 125

# Output goes through a pipe and not straight into its file: a command that opens /dev/stderr anew would empty that. The
# limit is one of this cat only; a command whose output passes it is ended.
pb_collect() {
  (ulimit -f "$pb_n" 2>/dev/null; exec "$pb_K") >"$pb_s/$1" 2>/dev/null
  pb_r=$?
  echo "$pb_r ok" >"$pb_s/$1.end"
  [ "$pb_r" = 0 ] || { pb_alive pid && kill -9 -"$pb_p"; }
}

# A shell cannot tell an exit status over 128 from a signal; awk can, unless it is an old one. Exit status 3 says that it
# cannot, and then nothing has been started yet.
pb_run() {
  pb_r=3
  if [ -n "$pb_A" ]; then
    "$pb_A" -v S="$pb_S" -v s="$pb_s" 'BEGIN {
      p = system("kill -9 $$")
      if (!(p == 265 || (p > 0 && p < 1))) exit 3
      r = system("exec \"" S "\" /bin/sh \"" s "/run\"")
      k = "X"
      if (r > 0 && r < 1) { k = "S"; r = (r * 256) % 128 }
      else if (r >= 512) { k = "S"; r = (r - 512) % 128 }
      else if (r >= 256) { k = "S"; r = (r - 256) % 128 }
      f = s "/status"
      printf "%s %d ok\n", k, r > f
      close(f)
      exit 0
    }'
    pb_r=$?
  fi
  [ "$pb_r" = 3 ] && [ ! -e "$pb_s/pid" ] || return
  { "$pb_S" /bin/sh "$pb_s/run" 2>&4 4>&-; pb_r=$?; } 4>&2 2>/dev/null
  if [ "$pb_r" -gt 128 ]; then echo "S $((pb_r - 128)) ok"; else echo "X $pb_r ok"; fi >"$pb_s/status"
}

{ { pb_run 2>&1 >&3 3>&-; } | pb_collect err 3>&-; } 3>&1 | pb_collect out
