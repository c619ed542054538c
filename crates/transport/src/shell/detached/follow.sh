o=@OUT@ e=@ERR@
[ -d "$pb_s" ] || { echo "@WORD@ N"; exit 0; }
touch "$pb_s" 2>/dev/null
echo "@WORD@ H" || exit 0

# frame LETTER FILE FROM TO: whole blocks from the one that FROM lies in, so that nothing before it has to be read; the
# reader leaves out what it has. At most 256 blocks.
frame() {
  q=$(($3 / 65536))
  t=$4
  [ $((t - q * 65536)) -le 16777216 ] || t=$((q * 65536 + 16777216))
  c=$((t - q * 65536))
  echo "$1 $((q * 65536)) $c" || exit 0
  dd if="$2" bs=65536 skip=$q count=$(((c + 65535) / 65536)) 2>/dev/null | head -c $c || exit 0
  echo "K" || exit 0
}

i=0 quiet=0 missing=0
while :; do
  # Before the sizes: what has been written by the end is all there then.
  kind= value= k=; { read -r kind value k <"$pb_s/status"; } 2>/dev/null; ended=$k
  or= k=; { read -r or k <"$pb_s/out.end"; } 2>/dev/null; [ "$k" = ok ] || or=-
  er= k=; { read -r er k <"$pb_s/err.end"; } 2>/dev/null; [ "$k" = ok ] || er=-
  here=1
  [ "$ended" = ok ] || pb_alive sup || pb_alive pid || here=0
  # In the order of the names.
  set -- $(LC_ALL=C ls -ln "$pb_s/err" "$pb_s/out" 2>/dev/null)
  if [ -z "${14}" ]; then
    # Begun and not ready yet, or removed meanwhile.
    [ -d "$pb_s" ] || { echo "N 0"; exit 0; }
    so=0 se=0
  else
    se=$5 so=${14}
  fi
  moved=0 sent=0
  if [ "$so" -gt "$o" ]; then frame O "$pb_s/out" "$o" "$so"; sent=$((t - o)) o=$t moved=1; fi
  if [ "$se" -gt "$e" ]; then frame E "$pb_s/err" "$e" "$se"; sent=$((sent + t - e)) e=$t moved=1; fi
  if [ "$moved" = 1 ]; then
    i=0 quiet=0 missing=0
    # Little by little is not sent piece by piece.
    [ "$sent" -lt 65536 ] || continue
  elif [ "$ended" = ok ]; then
    # A child in the background may keep a stream open.
    if [ "$or" != - ] && [ "$er" != - ] || [ "$quiet" -ge 6 ]; then
      [ "$kind" = S ] && value=$(kill -l "$value" 2>/dev/null || echo "$value")
      echo "F $kind $value $or $er"
      exit 0
    fi
    quiet=$((quiet + 1)) i=1
  elif [ "$here" = 0 ]; then
    # Between two of its processes there may be none for a moment, and before the first of them for longer.
    missing=$((missing + 1)) i=3
    limit=25
    [ -e "$pb_s/sup" ] && limit=3
    [ "$missing" -lt "$limit" ] || { echo "F L 0 $or $er"; exit 0; }
  fi
  case $i in 0) n=0.05 ;; 1) n=0.1 ;; 2) n=0.2 ;; 3) n=0.4 ;; *) n=0.8 ;; esac
  i=$((i + 1))
  sleep $n 2>/dev/null || sleep 1
  # Nobody may be there any more; then this ends the follower.
  echo "." || exit 0
done
