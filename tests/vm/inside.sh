#!/bin/bash
# Runs inside the machine: tries what systemd has to do for the daemon, and writes what it saw to /out.
exec > /out/log 2>&1
set -x
say() { echo "$1=$2" >> /out/result; }
pid() { systemctl show -P MainPID gateway.service; }
up() { for _ in $(seq 300); do systemctl is-active -q gateway.service && [ "$(pid)" != "$1" ] && return 0; sleep 0.1; done; return 1; }

up 0; say started $?
say type "$(systemctl show -P Type gateway.service)"
first=$(pid)
say user "$(stat -c %U /proc/$first)"
say exposure "$(systemd-analyze security gateway.service | tail -1 | grep -o '[0-9]\.[0-9]')"
say capabilities "$(grep CapEff /proc/$first/status | cut -f2)"
say rss_kb "$(grep VmRSS /proc/$first/status | tr -dc 0-9)"
say line_in_journal "$(journalctl -u gateway -o cat GATEWAY_LINE=a 2>/dev/null | grep -c serves)"

# a call is taken, under all the hardening
/opt/gateway/bin/gateway exchange call --exchange /run/bench/exchange.sock --from +819012345678 --to +81355500001 --no-callback --timeout 20
say call $?
runuser -u gateway -- /opt/gateway/bin/gateway calls --settings /etc/gateway/gateway.toml --json > /out/calls.json

# killed: it comes back
kill -9 "$(pid)"; sleep 1; up "$first"; say after_kill $?
second=$(pid)

# hung: the watchdog notices, systemd starts it again
kill -STOP "$second"
began=$SECONDS
for _ in $(seq 100); do [ "$(pid)" != "$second" ] && break; sleep 1; done
up "$second"; say after_hang $?
say hang_seconds $((SECONDS - began))
say watchdog "$(journalctl -u gateway -o cat | grep -c 'Watchdog timeout')"

# the helper takes requests up, and refuses what is no modem
runuser -u gateway -- /usr/bin/python3 /out/request.py
for _ in $(seq 50); do [ -e /run/gateway/requests/a.json ] || break; sleep 0.2; done
[ -e /run/gateway/requests/a.json ]; say request_left $?
say helper "$(journalctl -u gateway-recovery -o cat | grep -m1 '^a: ')"

# stopped: at once, on hook
systemctl stop gateway.service; say stop_result "$(systemctl show -P Result gateway.service)"
journalctl -u gateway -u gateway-recovery -u bench > /out/journal
systemctl poweroff
