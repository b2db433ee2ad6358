import { renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BIN } from '../harness/command.js'
import { Machines, writeApp } from '../harness/machines.js'
import { runUnderSystemd, whyNoGuest } from '../harness/systemd-guest.js'

/** The unit of "daemon install" under a real systemd. The guest is some ten times slower than this machine. */
const why = whyNoGuest()
const machines = new Machines()

/** With a cgroup of its own, which must not keep systemd from starting the daemon again. */
const MANIFEST = `runtime: cgroups
resources: { memory_limit: 64Mi, pids_limit: 20 }
restart: { policy: always, delay: 1s }
health_check: { type: process, interval: 1s }
`
/** Numbered lines, one a second. */
const PROGRAM = 'n=0\nwhile :; do n=$((n+1)); echo "line $n"; sleep 1; done'

const SCRIPT = `
export PATH='${dirname(BIN)}':/usr/sbin:/usr/bin:/sbin:/bin P2P_PLAYGROUND_HOME=/run/home NO_COLOR=1
unit=p2p-playground-daemon
main() { systemctl show -P MainPID $unit; }
app() { p2p-playground app list --json | grep '"pid"' | tr -dc 0-9; }
answers() { p2p-playground daemon status >/dev/null; }
fact() { echo "FACT $1=$2"; }
await() { for i in $(seq 60); do "$@" && return; sleep 0.5; done; echo "in vain: $*"; exit 1; }

p2p-playground init --name guest --listen /ip4/127.0.0.1/tcp/0 --no-mdns
p2p-playground daemon install --now
fact state "$(systemctl is-active $unit) $(systemctl is-enabled $unit)"
systemctl show -p KillMode,Delegate,OOMPolicy,LimitNOFILE $unit | sed 's/^/FACT /'
cp -r /mnt/app /run/app
p2p-playground deploy /run/app
fact before "$(app)"
fact cgroup "$(cut -d: -f3 /proc/$(app)/cgroup)"

first=$(main)
kill -9 "$first"
another() { [ "$(main)" != "$first" ] && [ "$(main)" != 0 ] && answers; }
await another
fact after_kill "$(app)"

systemctl restart $unit
await answers
fact after_restart "$(app)"

pid=$(app)
systemctl stop $unit
fact stopped "$(systemctl is-active $unit)"
kill -0 "$pid" && fact after_stop "$pid"

systemctl start $unit
await answers
fact after_start "$(app)"

# The clock of the guest is its own.
starts() { p2p-playground events --json | grep -c '"started"'; }
numbers() { p2p-playground logs lasting --json | grep -o '"line":"line [0-9]*' | tr -dc '0-9\n'; }
newest() { numbers | tail -1; }
grown() { [ "$(newest)" -gt $(($1 + 2)) ]; }
fact starts_before "$(starts)"
for jump in '+1 hour' '-2 hours' '+1 hour'; do
  at=$(newest)
  date -s "$jump" >/dev/null
  await grown "$at"
done
fact starts_after "$(starts)"
fact after_jumps "$(app)"
fact healthy "$(p2p-playground app list --json | grep '"state"' | tr -dc a-z:)"
numbers >/run/numbers
fact lines_in_order "$(seq "$(head -1 /run/numbers)" "$(tail -1 /run/numbers)" | cmp - /run/numbers && echo yes)"

p2p-playground daemon uninstall
fact uninstalled "$(systemctl is-active $unit) $(ls -A /etc/systemd/system/multi-user.target.wants /etc/systemd/system | grep -c $unit)"
kill -0 "$pid" && fact after_uninstall "$pid"
`

describe.skipIf(why !== undefined)(
  `systemd${why === undefined ? '' : ` (left out: ${why})`}`,
  () => {
    let log: string
    let facts: Readonly<Record<string, string>>

    beforeAll(async () => {
      log = await runUnderSystemd(machines.base, SCRIPT, (shared) => {
        renameSync(
          writeApp(machines.base, { name: 'lasting', manifest: MANIFEST, script: PROGRAM }),
          join(shared, 'app'),
        )
      })
      const found = [...log.matchAll(/^FACT (\w+)=(.*)$/gm)]
      facts = Object.fromEntries(found.map(([, name = '', value = '']) => [name, value]))
    }, 450_000)
    afterAll(async () => {
      await machines.remove()
    })

    test('takes the unit, starts it and has it started at boot', () => {
      expect(facts['state'], log).toBe('active enabled')
      expect(facts).toMatchObject({
        KillMode: 'process',
        Delegate: 'yes',
        OOMPolicy: 'continue',
        LimitNOFILE: '65536',
      })
    })

    test('keeps its hands off the cgroups of apps', () => {
      expect(facts['cgroup'], log).toMatch(/^\/p2p-playground\/\w+\/lasting@1\.0\.0-\w+$/)
    })

    test('starts a daemon that was killed again; the app notices nothing', () => {
      expect(facts['before'], log).toMatch(/^\d+$/)
      expect(facts['after_kill']).toBe(facts['before'])
    })

    test('restarts, stops and starts the daemon without the app', () => {
      expect(facts, log).toMatchObject({
        after_restart: facts['before'],
        stopped: 'inactive',
        after_stop: facts['before'],
        after_start: facts['before'],
      })
    })

    test('restarts nothing and keeps the order of lines when the clock is set an hour ahead and back', () => {
      expect(facts, log).toMatchObject({
        after_jumps: facts['before'],
        starts_before: '1',
        starts_after: '1',
        healthy: 'state:healthy',
        lines_in_order: 'yes',
      })
    })

    test('has nothing left of it after uninstall, but the app', () => {
      expect(facts, log).toMatchObject({
        uninstalled: 'inactive 0',
        after_uninstall: facts['before'],
      })
    })
  },
)
