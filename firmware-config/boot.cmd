# U-Boot: starts slot A or B, on the Raspberry Pi and on QEMU's virt. Each start of a slot costs it one of its tries;
# gateway-healthy.service gives them back once the system has proved itself. RAUC puts a new system's slot first in
# BOOT_ORDER. The counters stand in one sector before the first partition, which is written whole or not at all.
setenv BOOT_ORDER "A B"; setenv BOOT_A_LEFT 3; setenv BOOT_B_LEFT 3
${devtype} dev ${devnum}
if ${devtype} read ${pxefile_addr_r} 0x800 1; then
  env import -c ${pxefile_addr_r} 0x200 BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT || echo "gateway: no counters yet"
fi
setenv slot
for one in ${BOOT_ORDER}; do
  if test -n "${slot}"; then
    true
  elif test "${one}" = "A"; then
    if test 0x${BOOT_A_LEFT} -gt 0; then setexpr BOOT_A_LEFT ${BOOT_A_LEFT} - 1; setenv slot A; setenv part 2; fi
  elif test "${one}" = "B"; then
    if test 0x${BOOT_B_LEFT} -gt 0; then setexpr BOOT_B_LEFT ${BOOT_B_LEFT} - 1; setenv slot B; setenv part 3; fi
  fi
done
if test -z "${slot}"; then
  echo "gateway: no slot has a try left; both get three more"
  setenv BOOT_ORDER "A B"; setenv BOOT_A_LEFT 3; setenv BOOT_B_LEFT 3
fi
env export -c -s 0x200 ${pxefile_addr_r} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT
${devtype} write ${pxefile_addr_r} 0x800 1
if test -z "${slot}"; then reset; fi
echo "gateway: slot ${slot}, tries left: A ${BOOT_A_LEFT}, B ${BOOT_B_LEFT}"
part uuid ${devtype} ${devnum}:${part} uuid
setenv bootargs "root=PARTUUID=${uuid} ro rootwait init=/usr/lib/gateway/overlay rauc.slot=${slot} net.ifnames=0 usbcore.autosuspend=-1 fsck.mode=skip panic=10 quiet"
if test "${devtype}" = "mmc"; then
  setenv bootargs "${bootargs} console=ttyS1,115200 console=tty0"
else
  setenv bootargs "${bootargs} console=ttyAMA0,115200"
fi
if load ${devtype} ${devnum}:${part} ${kernel_addr_r} /boot/vmlinuz; then
  if load ${devtype} ${devnum}:${part} ${ramdisk_addr_r} /boot/initrd.img; then
    booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdt_addr}
  fi
fi
echo "gateway: slot ${slot} does not start; the next try follows"
reset
