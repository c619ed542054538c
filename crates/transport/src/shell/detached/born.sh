# pb_born PID: puts into pb_B what no later process of the same id has: boot and start time. Fails where there is no such
# process, or a dead one that nobody has waited for yet. A process may put a newline into its name, so all lines are read.
pb_born() {
  pb_B= pb_l=
  [ "$1" -gt 1 ] 2>/dev/null || return 1
  if [ -r /proc/self/stat ]; then
    { while IFS= read -r pb_x || [ -n "$pb_x" ]; do pb_l="$pb_l $pb_x"; done </proc/$1/stat; } 2>/dev/null
    [ -n "$pb_l" ] || return 1
    pb_x=; { IFS= read -r pb_x </proc/sys/kernel/random/boot_id; } 2>/dev/null
    set -- ${pb_l##*) }
    case $1 in Z | X | x) return 1 ;; esac
    shift 19
    pb_B=$pb_x:$1
  else
    pb_B=$(PATH=/usr/bin:/bin ps -o lstart= -p "$1" 2>/dev/null | PATH=/usr/bin:/bin tr -s ' ' _)
  fi
  [ -n "$pb_B" ]
}

# pb_alive FILE: whether the process that wrote itself into that file of the spool still runs; its id is pb_p then.
pb_alive() {
  pb_p= pb_w= pb_k=
  { read -r pb_p pb_w pb_k <"$pb_s/$1"; } 2>/dev/null
  [ "$pb_k" = ok ] && pb_born "$pb_p" && [ "$pb_B" = "$pb_w" ]
}
