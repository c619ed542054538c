#!/bin/sh
# The perl that the build of OpenSSL is given (OPENSSL_SRC_PERL), which leaves out what neither SSH nor TLS to PuppetDB or to
# PostgreSQL can ask for: other protocols, ciphers of national standards, formats of signed documents. It is a third of OpenSSL.
case $1 in
./Configure)
  set -- "$@" no-quic no-dtls no-srtp no-srp no-psk no-nextprotoneg \
    no-aria no-sm2 no-sm3 no-sm4 no-gost no-bf no-cast no-mdc2 no-rc2 no-rc4 no-whirlpool no-siphash no-argon2 no-ec2m \
    no-cmp no-cms no-ts no-ct no-ocsp no-http no-rfc3779 no-slh-dsa no-lms \
    no-apps no-docs no-ui-console no-engine no-afalgeng no-padlockeng
  # openssl-src asks for -O2 whatever the profile says.
  case $OPT_LEVEL in s | z) set -- "$@" -Os ;; esac
  # No panic passes through C, so that tables for it are of no use.
  set -- "$@" -fno-asynchronous-unwind-tables
  # The makefiles call it as well.
  PERL=$0
  export PERL
  ;;
*/aes-gcm-avx512.pl)
  # 650 KB for more than the 2.9 GB/s a core that AVX comes to. An assembler of that age makes none of it.
  CC='echo GNU assembler version 2.29 #'
  ;;
esac
exec perl "$@"
