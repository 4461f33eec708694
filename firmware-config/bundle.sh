#!/bin/bash
# bundle.sh ROOTFS.ext4 OUT.raucb: a signed update of the system.
# GATEWAY_SIGNING_CERT and GATEWAY_SIGNING_KEY, or build/signing/{cert,key}.pem.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
image=$(realpath "$1"); out=$(realpath -m "$2")
cert=${GATEWAY_SIGNING_CERT:-$root/build/signing/cert.pem}; key=${GATEWAY_SIGNING_KEY:-$root/build/signing/key.pem}
[ -e "$key" ] || { echo "bundle.sh: no key at $key. Run: make signing-key, or set GATEWAY_SIGNING_KEY" >&2; exit 1; }
work=$(mktemp -d -p "$(dirname "$out")"); trap 'rm -rf "$work"' EXIT
ln "$image" "$work/rootfs.ext4" 2> /dev/null || cp --sparse=always "$image" "$work/rootfs.ext4"
cat > "$work/manifest.raucm" <<END
[update]
compatible=gateway-rpi-arm64
version=$(debugfs -R "cat /usr/lib/gateway/build" "$image" 2> /dev/null)

[bundle]
format=verity

[image.rootfs]
filename=rootfs.ext4
END
rm -f "$out"
rauc bundle --mksquashfs-args="-comp gzip -Xcompression-level 1" --cert="$cert" --key="$key" "$work" "$out"
rauc info --keyring="$cert" "$out"
