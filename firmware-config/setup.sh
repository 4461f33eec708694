#!/bin/bash
# setup.sh: Debian's tools that build the card's image, its update bundles, and test both under emulation. As root.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "setup.sh: run it as root" >&2; exit 1; }
build=(mmdebstrap arch-test qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross dosfstools mtools fdisk e2fsprogs systemd
  u-boot-tools rauc squashfs-tools openssl shellcheck)
try=(qemu-system-arm qemu-utils u-boot-qemu openssh-client)
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${build[@]}" "${try[@]}"
