#!/bin/bash
# wheels.sh FOLDER: the gateway and its locked dependencies as wheels for arm64 and Python 3.11. PYTHON: .venv's.
set -euo pipefail
here=$(dirname "$(realpath "$0")"); root=$(dirname "$here"); out=$(realpath -m "$1"); python=${PYTHON:-$root/.venv/bin/python}
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "wheels.sh: the card's Python is 3.11; $python is not" >&2; exit 1; }
rm -rf "$out"; mkdir -p "$out"; list=$(mktemp -d); trap 'rm -rf "$list"' EXIT
take() { sed -n "/^$1==/,/[^\\\\]\$/p" "$list/all.txt" > "$list/$1.txt"; sed -i "/^$1==/,/[^\\\\]\$/d" "$list/all.txt"; }

# other Pythons' and other machines' packages go; what the registry has as source only is taken out
sed '/python_full_version >= /,/[^\\]$/d; /implementation_name == /,/[^\\]$/d' "$root/requirements/alsa.txt" > "$list/all.txt"
for name in pyalsaaudio sdnotify python-gsmmodem-new; do take "$name"; done

platforms=(--platform manylinux2014_aarch64)
for one in 2_28 2_27 2_26 2_17; do platforms+=(--platform "manylinux_${one}_aarch64"); done
"$python" -m pip download --quiet --no-deps --require-hashes -r "$list/all.txt" --only-binary=:all: --implementation cp \
  --python-version 311 --abi cp311 --abi abi3 --abi none "${platforms[@]}" -d "$out"
for name in sdnotify python-gsmmodem-new; do  # pure Python: built here, for any machine
  "$python" -m pip wheel --quiet --no-deps --require-hashes -r "$list/$name.txt" -w "$out"
done
"$python" -m pip download --quiet --no-deps --no-build-isolation --no-binary=:all: --require-hashes -r "$list/pyalsaaudio.txt" -d "$out"

# the gateway from a copy: its build leaves nothing in the tree
mkdir "$list/src"; cp -r "$root/pyproject.toml" "$root/README.md" "$root/gateway" "$list/src/"
"$python" -m pip wheel --quiet --no-deps --no-build-isolation -w "$out" "$list/src"
