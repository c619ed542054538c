umask 077
mkdir "$pb_d" 2>/dev/null
if mkdir "$pb_s" 2>/dev/null; then
  # The name is taken now, so nothing can be started under it any more.
  echo "V 0 ok" >"$pb_s/status"
  echo "P void"
elif [ ! -d "$pb_s" ]; then
  echo "P unknown"
else
  # It may be on its way to its first process.
  i=0
  while [ $i -lt 20 ] && [ ! -e "$pb_s/pid" ] && [ ! -e "$pb_s/status" ]; do
    sleep 0.1 2>/dev/null || { sleep 1; i=$((i + 9)); }
    i=$((i + 1))
  done
  if pb_alive pid; then echo "P $pb_p"; else echo "P gone"; fi
fi
