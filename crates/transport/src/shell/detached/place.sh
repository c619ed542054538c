pb_u=$(id -u)
pb_d=/var/tmp/pabawi-$pb_u
pb_s=$pb_d/@NAME@
