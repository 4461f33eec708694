"""A machine of our own on this one: real systemd as PID 1 in a container over a copy-on-write view of this system.

Needs root, Debian's systemd-container, a system Python that our packages were built for, and overlayfs. What it shows
is written by a script inside into the folder that both sides see.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = Path("/usr/bin/python3")
PACKAGES = Path(sys.prefix) / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"

BOOT = r"""
set -e
out=$1; units=$2; root=$3; packages=$4
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /sys/fs/cgroup/gateway-test-$$/me && echo $$ > /sys/fs/cgroup/gateway-test-$$/me/cgroup.procs
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/tree
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/tree
tree=/mnt/tree
rm -rf $tree/etc/systemd/system/* $tree/tmp/* $tree/var/log/journal
: > $tree/etc/machine-id
rm -f $tree/etc/fstab
mkdir -p $tree/opt/gateway/bin $tree/opt/gateway/lib $tree/opt/gateway/src $tree/out
mkdir -p $tree/etc/systemd/system/multi-user.target.wants
cp -r $root/gateway $tree/opt/gateway/src/
cat > $tree/opt/gateway/bin/gateway <<'END'
#!/usr/bin/python3
import sys
sys.path[:0] = ["/opt/gateway/src", "/opt/gateway/lib"]
from gateway.cli.main import main
main()
END
chmod 755 $tree/opt/gateway/bin/gateway
cp -r $units/* $tree/etc/systemd/system/
mkdir -p $tree/usr/lib/sysusers.d && cp $root/systemd/gateway.sysusers $tree/usr/lib/sysusers.d/gateway.conf
systemd-sysusers --root=$tree gateway.conf
for unit in gateway.service gateway-recovery.path test.service bench.service; do
  ln -s /etc/systemd/system/$unit $tree/etc/systemd/system/multi-user.target.wants/$unit
done
ln -sf /lib/systemd/system/multi-user.target $tree/etc/systemd/system/default.target
mount -t tmpfs -o mode=755 tmpfs /run
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
exec systemd-nspawn --directory=$tree --register=no --keep-unit --private-network --boot --console=read-only \
  --link-journal=no --bind=$out:/out --bind-ro=$packages:/opt/gateway/lib --capability=all < /dev/null
"""


def missing() -> str:
    """What stands between this system and such a machine; "" if nothing does."""
    if os.environ.get("GATEWAY_VMTEST") != "1":
        return "make vmtest runs this"
    if os.geteuid() != 0:
        return "needs root"
    for program in ("systemd-nspawn", "unshare", "systemd-sysusers"):
        if shutil.which(program) is None:
            return f"needs {program}: apt-get install systemd-container"
    same = subprocess.run([PYTHON, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True)
    if same.stdout.strip() != str(sys.version_info[:2]):
        return f"needs {PYTHON} of the version that runs this"
    if "overlay" not in Path("/proc/filesystems").read_text(encoding="ascii"):
        return "needs overlayfs"
    return ""


needs_machine = pytest.mark.skipif(bool(missing()), reason=missing())


def boot(out: Path, units: Path, within: float) -> str:
    """Boot, wait until it has switched itself off; what its console said. Raises ``TimeoutExpired``."""
    script = out / "boot.sh"
    script.write_text(BOOT, encoding="ascii")
    command = ["unshare", "--mount", "--propagation", "private", "bash", str(script), str(out), str(units)]
    done = subprocess.run(
        [*command, str(ROOT), str(PACKAGES)], capture_output=True, text=True, errors="replace", timeout=within
    )
    return done.stdout + done.stderr
