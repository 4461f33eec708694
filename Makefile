# A newcomer: make demo, make test. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header

# Debian packages that some tests and benchmarks use; without them those skip, and say so.
DEBIAN_TEST := libasound2-dev pulseaudio pulseaudio-utils libasound2-plugins alsa-utils espeak-ng sox mgetty-voice libgsm1 libopencore-amrnb0 udev umockdev systemd-container wireguard-go wireguard-tools
DEBIAN_BENCH := libspandsp-dev multimon-ng librem-dev mosquitto ffmpeg

.PHONY: help setup setup-test setup-bench demo test check soak lock prompts clean
.PHONY: hil setup-image signing-key image bundle image-test vmtest bench-box bench-chain bench-ears bench-gsm bench-link bench-policy bench-tones

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 \t/p' $(MAKEFILE_LIST) | expand -t 24

setup: .venv/ready  ## the program in .venv/, dependencies locked with hashes

.venv/ready: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "gateway needs Python 3.11 or newer. Run: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python's venv is missing. Run: apt-get install python3-venv"; exit 1; }
	@echo "setting up .venv/ ..."
	@$(PIP) --require-hashes -r requirements/dev.txt
	@$(PIP) --quiet --no-deps --no-build-isolation --editable .
	@touch $@

setup-test: setup  ## Debian packages for the tests of ALSA sound and of other people's programs (as root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $(DEBIAN_TEST)
	$(PIP) --require-hashes -r requirements/alsa.txt

setup-bench: setup-test  ## the peers that the benchmarks compare with (as root)
	DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $(DEBIAN_BENCH)
	$(PIP) --require-hashes -r requirements/bench.txt

setup-image:  ## the tools that build and try the card's image (as root)
	firmware-config/setup.sh

signing-key:  ## a key to sign updates with, in build/signing
	firmware-config/signing-key.sh build/signing

build/image/rootfs.tar: firmware-config/rootfs.sh firmware-config/packages.list firmware-config/initramfs-modules
	@mkdir -p build/image
	nice -n 10 firmware-config/rootfs.sh $@

image: setup signing-key build/image/rootfs.tar  ## a card for the Raspberry Pi, build/image/gateway.img (as root, 15 minutes)
	nice -n 10 firmware-config/wheels.sh build/image/wheels
	nice -n 10 firmware-config/image.sh build/image/rootfs.tar build/image/wheels build/image/gateway.img

build/image/rootfs.ext4:
	@echo "there is no system to make a bundle of. Run: make image"; exit 1

build/image/gateway.raucb: build/image/rootfs.ext4
	nice -n 10 firmware-config/bundle.sh $< $@

bundle: build/image/gateway.raucb  ## the same system as a signed update, build/image/gateway.raucb (as root)

build/image/stick.ext4: build/image/gateway.raucb tests/firmware/stick.py
	$(BIN)/python tests/firmware/stick.py build/image build/signing

image-test: setup build/image/stick.ext4  ## the card and its updates in an emulated machine (as root, half an hour)
	GATEWAY_IMAGE_TEST=1 $(BIN)/pytest tests/firmware/test_card.py tests/firmware/test_card_pi.py -v --timeout 3600

demo: setup  ## a customer's call is turned round, on the bench
	@$(BIN)/gateway demo

test: setup  ## all tests
	$(BIN)/pytest -n 2 --dist worksteal

check: setup  ## what CI runs: format, lint, types, tests
	$(BIN)/ruff format --check gateway tests benchmarks
	$(BIN)/ruff check gateway tests benchmarks
	$(BIN)/mypy
	$(MAKE) test

soak: setup  ## the long forms of the torture tests
	$(BIN)/pytest -m soak -n 2 --timeout 3600

fuzz: setup  ## hostile input for the link, a hundred times as long (minutes)
	GATEWAY_FUZZ=100 $(BIN)/pytest tests/link/test_hostile.py tests/protocols/test_frames.py tests/protocols/test_letters.py --timeout 3600

vmtest: setup  ## the units under a real systemd (as root, two minutes)
	GATEWAY_VMTEST=1 $(BIN)/pytest tests/vm

bench-chain: setup  ## the call's own times at real speed
	$(BIN)/python benchmarks/chain.py

bench-ears: setup  ## our ears and the peers' on the same sound
	$(BIN)/python benchmarks/ears.py

bench-gsm: setup  ## mobile lines' own times at real speed
	$(BIN)/python benchmarks/gsm.py

bench-link: setup  ## the link against raw TCP and other brokers
	$(BIN)/python benchmarks/link.py

hil: setup  ## a line's tests on real modems: make hil RIG=rig.toml (docs/hil.md)
	@test -f "$(RIG)" || { echo "make hil needs the file that says which modems to use: make hil RIG=rig.toml (see docs/hil.md)"; exit 1; }
	@GATEWAY_RIG="$(abspath $(RIG))" $(BIN)/pytest tests/hil -v -v -rs --timeout 1800 $(if $(ONLY),-k "$(ONLY)")

bench-box: setup  ## what the gateway costs a small machine
	$(BIN)/python benchmarks/box.py

bench-policy: setup  ## 10,000 spoofed callers against the policy; rating's speed
	$(BIN)/python benchmarks/policy.py

bench-tones: setup  ## call-progress tones, three hours of talk, echo, and what listening costs
	$(BIN)/python benchmarks/tones.py

prompts:  ## synthesise the shipped prompts again
	@command -v espeak-ng >/dev/null || { echo "make prompts needs espeak-ng. Run: apt-get install espeak-ng"; exit 1; }
	$(PYTHON) -m venv build/prompts
	build/prompts/bin/pip install --quiet --disable-pip-version-check --require-hashes -r gateway/prompts/requirements.txt
	build/prompts/bin/python gateway/prompts/synthesise.py

lock: setup  ## pin the dependencies anew
	$(PIP) uv
	$(COMPILE) pyproject.toml --extra pictures --group dev --output-file requirements/dev.txt
	$(COMPILE) pyproject.toml --output-file requirements/box.txt
	$(COMPILE) pyproject.toml --extra alsa --output-file requirements/alsa.txt
	$(COMPILE) --group bench --output-file requirements/bench.txt

clean:  ## remove what was made
	rm -rf .venv out build .mypy_cache .ruff_cache .pytest_cache .hypothesis
