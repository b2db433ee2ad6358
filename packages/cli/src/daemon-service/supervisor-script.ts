import { dirname } from 'node:path'
import { MARKER } from './service-facts.js'
import type { ServiceFacts } from './service-facts.js'

/** Text of the script that keeps a daemon running where there is no systemd (POSIX sh). */
export function supervisorScript(facts: ServiceFacts): string {
  const environment = Object.entries(facts.env).map(
    ([name, value]) => `${name}=${quoted(value)}\nexport ${name}\n`,
  )
  return `#!/bin/sh
${MARKER}
# Home: ${facts.home}
#
# Keeps the daemon running where there is no systemd: when it ends, it is started again, after a pause that grows while it
# does not last. TERM ends both, and the apps go on. At boot: the line "@reboot PATH-OF-THIS-FILE" in the crontab.
set -u
${environment.join('')}pidfile=${quoted(facts.pidPath)}

# A process id may have been given out again since.
old=$(cat "$pidfile" 2>/dev/null)
if [ -n "$old" ] && [ -r "/proc/$old/cmdline" ]; then
  case $(tr '\\0' ' ' <"/proc/$old/cmdline") in
  *${facts.name}*)
    echo "it runs already, pid $old" >&2
    exit 1
    ;;
  esac
fi
mkdir -p -m 700 ${quoted(dirname(facts.pidPath))} || exit 1
echo "$$" >"$pidfile" || exit 1

child=
stopping=
stop() {
  stopping=yes
  [ -z "$child" ] || kill -TERM "$child" 2>/dev/null
}
trap stop TERM INT
# The terminal may go.
trap '' HUP

# A signal ends a wait before the child has ended.
await() {
  child=$1
  # It may have come before the child was known.
  [ -z "$stopping" ] || kill -TERM "$child" 2>/dev/null
  while kill -0 "$child" 2>/dev/null; do wait "$child"; done
  child=
}

pause=1
while [ -z "$stopping" ]; do
  begun=$(date +%s)
  ${facts.command.map(quoted).join(' ')} &
  await $!
  [ -z "$stopping" ] || break
  if [ $(($(date +%s) - begun)) -ge 60 ]; then pause=1; fi
  sleep "$pause" &
  await $!
  pause=$((pause < 30 ? pause * 2 : 60))
done
rm -f "$pidfile"
`
}

/** One word for sh, whatever it holds. */
function quoted(text: string): string {
  return /^[\w/.=:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
