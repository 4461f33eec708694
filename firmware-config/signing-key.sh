#!/bin/bash
# signing-key.sh FOLDER: a key to sign update bundles with, and its certificate. Keep the key off the boxes.
set -euo pipefail
mkdir -p "$1"; cd "$1"
[ -e key.pem ] && { echo "$1/key.pem is there already"; exit 0; }
(umask 077; openssl req -x509 -newkey rsa:4096 -sha256 -nodes -days 7300 -subj "/CN=gateway updates" \
  -addext "keyUsage=critical,digitalSignature" -addext "extendedKeyUsage=emailProtection" -keyout key.pem -out cert.pem 2> /dev/null)
chmod 644 cert.pem
echo "made $1/key.pem and $1/cert.pem"
