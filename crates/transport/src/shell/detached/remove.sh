if [ -d "$pb_s" ]; then
  # A child in the background may keep a stream open; it writes into nothing from now on.
  pb_alive sup && kill -9 -"$pb_p" 2>/dev/null
  rm -rf "$pb_s"
fi
[ -d "$pb_s" ] || echo "P removed"
