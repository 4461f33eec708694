#!/bin/bash
# image.sh ROOTFS.tar WHEELS OUT.img: the flashable card, and beside it rootfs.ext4 for update bundles. No loop device, no
# mounting: files are put into plain images. GATEWAY_KEYRING: the certificate that update bundles are signed with;
# build/signing/cert.pem without it. GATEWAY_BUILD: the system's version; the time without it.
set -euo pipefail
here=$(dirname "$(realpath "$0")"); root=$(dirname "$here"); python=${PYTHON:-$root/.venv/bin/python}
tar=$(realpath "$1"); wheels=$(realpath "$2"); out=$(realpath -m "$3"); folder=$(dirname "$out")
keyring=${GATEWAY_KEYRING:-$root/build/signing/cert.pem}
[ "$(id -u)" = 0 ] || { echo "image.sh: run it as root" >&2; exit 1; }
[ -e "$keyring" ] || { echo "image.sh: no certificate at $keyring. Run: make signing-key, or set GATEWAY_KEYRING" >&2; exit 1; }
work=$(mktemp -d -p "$folder"); trap 'rm -rf "$work"' EXIT
begun=$(date +%s); lap() { echo "[$(( $(date +%s) - begun )) s] $*"; }
mb() { du -sm "$1" | cut -f1; }
FIRMWARE_MB=64 SLOT_MB=1024 DATA_MB=64
DISK=6761746c  # the card's name: slots and data are found by it

tree=$work/root; mkdir "$tree"; tar -C "$tree" -xf "$tar"; lap "Debian unpacked, $(mb "$tree") MB"

# --- the gateway: wheels are unpacked, nothing of it runs here
lib=$tree/opt/gateway/lib; mkdir -p "$tree/opt/gateway/bin" "$tree/opt/gateway/share" "$lib"
for wheel in "$wheels"/*.whl; do "$python" -m zipfile -e "$wheel" "$lib"; done
find "$lib" -depth \( -name tests -o -name __pycache__ \) -type d -exec rm -rf {} +
rm -rf "$lib"/numpy/{_core,core}/include "$lib"/phonenumbers/{geodata,carrierdata}
tar -C "$work" -xf "$wheels"/pyalsaaudio-*.tar.gz
aarch64-linux-gnu-gcc -O2 -shared -fPIC -DNDEBUG -Wno-deprecated-declarations -I "$tar.headers/usr/include/python3.11" \
  -I "$tar.headers/usr/include" -o "$lib/alsaaudio.cpython-311-aarch64-linux-gnu.so" "$work"/pyalsaaudio-*/alsaaudio.c \
  "$tree"/usr/lib/aarch64-linux-gnu/libasound.so.2
install -m 755 "$here/gateway" "$tree/opt/gateway/bin/gateway"
ln -s /opt/gateway/bin/gateway "$tree/usr/local/bin/gateway"
cp -r "$root/docs" "$tree/opt/gateway/share/doc"
chmod -R u=rwX,go=rX "$tree/opt/gateway"
"$python" -W ignore -m compileall -q -s "$tree" "$lib"
lap "gateway $(mb "$tree/opt/gateway") MB"

# --- its files
cp -r --no-preserve=ownership "$here/overlay/." "$tree/"
cp "$root"/systemd/gateway*.service "$root"/systemd/gateway*.path "$tree/etc/systemd/system/"
install -m 644 "$root/systemd/gateway.sysusers" "$tree/usr/lib/sysusers.d/gateway.conf"
install -m 644 "$root/udev/70-gateway.rules" "$tree/usr/lib/udev/rules.d/"
sed -i "s/@DISK@/$DISK/" "$tree/etc/rauc/system.conf" "$tree/etc/fstab" "$tree/usr/lib/udev/rules.d/70-card.rules" \
  "$tree/usr/lib/gateway/grow"
install -m 644 "$keyring" "$tree/etc/rauc/keyring.pem"
echo "${GATEWAY_BUILD:-$(date -u +%Y%m%d%H%M%S)}" > "$tree/usr/lib/gateway/build"
mkdir -p "$tree/data" "$tree/boot/firmware" "$tree/etc/gateway" "$tree/var/lib/gateway"
echo gateway > "$tree/etc/hostname"; printf '127.0.0.1 localhost\n::1 localhost\n' > "$tree/etc/hosts"
: > "$tree/etc/machine-id"; rm -f "$tree"/etc/ssh/ssh_host_* "$tree/etc/resolv.conf"
ln -sf ../run/systemd/resolve/stub-resolv.conf "$tree/etc/resolv.conf"
systemd-sysusers --root="$tree"
systemctl --quiet --root="$tree" preset-all --preset-mode=full
systemctl --quiet --root="$tree" mask systemd-firstboot.service getty@tty1.service
sed -i 's/^root:[^:]*:/root:*:/' "$tree/etc/shadow"
rm -rf "$tree"/boot/firmware/* "$tree"/boot/System.map-*
for file in vmlinuz initrd.img; do ln -sf "$(basename "$tree/boot/$file"-*)" "$tree/boot/$file"; done

# --- drivers of machines that the gateway never runs on
modules=$(echo "$tree"/lib/modules/*)
(cd "$modules/kernel/drivers" && rm -rf gpu infiniband media scsi isdn staging accessibility iio mtd crypto/{ccp,hisilicon,cavium} \
  net/wireless net/ethernet/{mellanox,intel,qlogic,broadcom,chelsio,marvell,hisilicon,cavium,netronome,amazon,sfc,pensando})
depmod -b "$tree" "$(basename "$modules")"
lap "configured, $(mb "$tree") MB"

# --- partitions as files
fat=$work/firmware; mkdir "$fat"
cp "$tree"/usr/lib/raspi-firmware/{bootcode.bin,start.elf,start4.elf,fixup.dat,fixup4.dat} "$fat/"
cp "$tree"/usr/lib/u-boot/rpi_arm64/u-boot.bin "$fat/u-boot.bin"
cp "$tree"/usr/lib/linux-image-*-arm64/broadcom/bcm2{837,711}-rpi-*.dtb "$fat/"
mkimage -A arm64 -T script -C none -n gateway -d "$here/boot.cmd" "$fat/boot.scr" > /dev/null
cp "$here"/firmware/* "$fat/"
rm -rf "$tree"/usr/lib/raspi-firmware "$tree"/usr/lib/u-boot "$tree"/usr/lib/linux-image-*-arm64
truncate -s ${FIRMWARE_MB}M "$work/firmware.img"
mkfs.vfat -F 32 -n FIRMWARE "$work/firmware.img" > /dev/null
mcopy -s -i "$work/firmware.img" "$fat"/* ::
root_mb=$(( $(mb "$tree") * 108 / 100 + 40 ))
[ "$root_mb" -le "$SLOT_MB" ] || { echo "image.sh: the system needs $root_mb MB, a slot has $SLOT_MB" >&2; exit 1; }
mke2fs -q -F -t ext4 -L ROOT -m 0 -O ^metadata_csum_seed,^orphan_file -d "$tree" "$work/rootfs.ext4" "${root_mb}M"
lap "partitions, root $root_mb MB"

# --- the card. What lies behind the first slot isn't in the file: slot B is empty, data is made at the first start
at=4; a=$(( at + FIRMWARE_MB )); b=$(( a + SLOT_MB )); data=$(( b + SLOT_MB ))
rm -f "$out"; truncate -s $(( data + DATA_MB ))M "$out"
sfdisk -q "$out" <<END
label: dos
label-id: 0x$DISK
start=${at}MiB size=${FIRMWARE_MB}MiB type=c bootable
start=${a}MiB size=${SLOT_MB}MiB type=83
start=${b}MiB size=${SLOT_MB}MiB type=83
start=${data}MiB size=${DATA_MB}MiB type=83
label: dos
label-id: 0x$DISK
start=${at}MiB size=${FIRMWARE_MB}MiB type=c bootable
start=${a}MiB size=${SLOT_MB}MiB type=83
start=${b}MiB size=${SLOT_MB}MiB type=83
start=${data}MiB size=${DATA_MB}MiB type=83
END
put() { dd if="$work/$1" of="$out" bs=1M seek="$2" conv=notrunc,sparse status=none; }
put firmware.img $at; put rootfs.ext4 $a
truncate -s $(( a + root_mb ))M "$out"
mv "$work/rootfs.ext4" "$folder/rootfs.ext4"
lap "$out: $(( a + root_mb )) MB, for a card of 4 GB or more"
