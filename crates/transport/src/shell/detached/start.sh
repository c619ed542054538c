pb_fail() { printf '%s\n' "@MARK@ D fail $*"; exit 0; }
pb_S=$(command -v setsid) || pb_fail "the node has no setsid(1), which a detached command needs"
pb_o=$(umask)
umask 077
mkdir "$pb_d" 2>/dev/null
set -- $(ls -ldn "$pb_d" 2>/dev/null)
case $1 in drwx------*) ;; *) pb_fail "$pb_d is not a directory with mode 0700" ;; esac
[ "$3" = "$pb_u" ] || pb_fail "$pb_d belongs to another user"

# What nobody has come for; never what runs.
for pb_s in $(find "$pb_d" -type d -mtime +@DAYS@ 2>/dev/null); do
  case ${pb_s#"$pb_d"} in '' | /*/*) continue ;; esac
  pb_alive sup || pb_alive pid || rm -rf "$pb_s"
done
pb_s=$pb_d/@NAME@

# Nobody else can have made it, now or ever: this is what starts a command once.
if ! mkdir "$pb_s" 2>/dev/null; then
  [ -d "$pb_s" ] || pb_fail "$pb_s cannot be made; the disk may be full"
  touch "$pb_s" 2>/dev/null
  printf '%s\n' "@MARK@ D old"
  exit 0
fi
pb_no_directory() { rm -rf "$pb_s"; echo "@MARK@ E cwd" >&2; exit 125; }
@CWD@
{ : >"$pb_s/out" && : >"$pb_s/err" && printf '%s\n' @RUN@ >"$pb_s/run"; } 2>/dev/null || {
  rm -rf "$pb_s"
  pb_fail "$pb_s cannot be written; the disk may be full"
}
pb_A=$(command -v awk) || pb_A=
pb_K=$(command -v cat)
# Nobody may be there any more to hear it; that must not end this shell.
(printf '%s\n' "@MARK@ D new") 2>/dev/null
umask "$pb_o"
@EXPORTS@
exec "$pb_S" /bin/sh -c @SUPERVISE@ pabawi "$pb_s" "$pb_S" "$pb_A" "$pb_K" @BLOCKS@ </dev/null >/dev/null 2>&1
