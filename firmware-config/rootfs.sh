#!/bin/bash
# rootfs.sh OUT.tar: Debian's part of the card, arm64, and beside it OUT.headers/ to compile against. As root, ten minutes.
set -euo pipefail
here=$(dirname "$(realpath "$0")"); out=$(realpath -m "$1")
[ "$(id -u)" = 0 ] || { echo "rootfs.sh: run it as root" >&2; exit 1; }
command -v mmdebstrap > /dev/null || { echo "rootfs.sh: mmdebstrap is missing. Run: make setup-image" >&2; exit 1; }

# the kernel hands arm64 programs to qemu
mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
[ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] || cat /usr/lib/binfmt.d/qemu-aarch64.conf > /proc/sys/fs/binfmt_misc/register
arch-test arm64 > /dev/null || { echo "rootfs.sh: this machine can't run arm64 programs. Run: make setup-image" >&2; exit 1; }

# MODULES=list before the kernel goes in: the default takes more than a quarter of an hour under emulation
packages=$(sed 's/#.*//' "$here/packages.list" | tr -s ' \n' ',' | sed 's/^,//; s/,$//')
headers=$out.headers; rm -rf "$headers"; mkdir -p "$headers"
# shellcheck disable=SC2016  # $1 is for mmdebstrap's own shell
mmdebstrap --mode=root --architectures=arm64 --variant=minbase --components="main,non-free-firmware" \
  --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"' \
  --essential-hook='printf "MODULES=list\nCOMPRESS=gzip\nBUSYBOX=y\nFSTYPE=ext4\n" > "$1/etc/initramfs-tools/conf.d/gateway"' \
  --essential-hook="copy-in $here/initramfs-modules /tmp" \
  --essential-hook='mv "$1/tmp/initramfs-modules" "$1/etc/initramfs-tools/modules"' \
  --essential-hook="cd $headers && APT_CONFIG=\$MMDEBSTRAP_APT_CONFIG apt-get download -qq libpython3.11-dev libasound2-dev" \
  --essential-hook="cd $headers && for deb in *.deb; do dpkg-deb -x \$deb .; rm \$deb; done" \
  --customize-hook='chroot "$1" apt-get clean' \
  --include="$packages" bookworm "$out.part.tar"
mv "$out.part.tar" "$out"
