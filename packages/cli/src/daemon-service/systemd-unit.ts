import { MARKER } from './service-facts.js'
import type { ServiceFacts } from './service-facts.js'

/** Text of the unit (systemd.unit(5), systemd.service(5), systemd.exec(5)). */
export function systemdUnit(facts: ServiceFacts): string {
  const isSystem = facts.scope === 'system'
  const network = isSystem ? 'Wants=network-online.target\nAfter=network-online.target\n' : ''
  const environment = Object.entries(facts.env).map(
    ([name, value]) => `Environment=${quoted(`${name}=${value}`)}\n`,
  )
  return `${MARKER}
# Home: ${facts.home}

[Unit]
Description=P2P Playground Lite node
${network}# However often it fails: it is tried again.
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${facts.command.map((word) => quoted(word).replaceAll('$', '$$$$')).join(' ')}
${environment.join('')}Restart=always
RestartSec=2
TimeoutStopSec=30

# Apps are children of the daemon and outlive it: a stop, a crash or an upgrade ends the daemon alone, and the next one
# takes them over.
KillMode=process
# One app that runs out of memory does not take the daemon with it.
OOMPolicy=continue
# The runtime "cgroups" of a daemon that is not root makes the control groups of apps in what is delegated.
Delegate=yes
# Apps of the runtime "process" count here too: this keeps all of them together from pushing the rest of the machine out
# of memory. What a single app may take is for its manifest to say, with the runtime "cgroups".
MemoryHigh=90%
LimitNOFILE=65536

${isSystem ? SYSTEM_HARDENING : USER_HARDENING}
[Install]
WantedBy=${isSystem ? 'multi-user.target' : 'default.target'}
`
}

const WHY_SO_LITTLE = `# Whatever is set here holds for every app as well, and any program may be an app. So these are left out on purpose:
# NoNewPrivileges, RestrictSUIDSGID: sudo, ping and other setuid programs of apps, and sandboxes that need them;
# SystemCallFilter, MemoryDenyWriteExecute, LockPersonality: compilers at run time, debuggers, 32-bit programs;
# PrivateTmp: its /tmp is deleted with the daemon, under the apps that go on;
# ProtectSystem, ProtectHome: where apps may write is for runtime.sandbox to say, app by app;
# ProtectProc, ProtectKernelTunables, ProtectKernelLogs: hide parts of /proc, and then no sandbox can mount its own;
# ProtectControlGroups, DeviceAllow, ProtectClock: no limits of apps, no /dev/net/tun, no /dev/kvm.
`

const SYSTEM_HARDENING = `${WHY_SO_LITTLE}# What is taken away: powers over the machine as a whole, also from apps that run as root.
CapabilityBoundingSet=~CAP_SYS_BOOT CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_TIME CAP_MAC_ADMIN CAP_MAC_OVERRIDE CAP_AUDIT_CONTROL
`

const USER_HARDENING = `${WHY_SO_LITTLE}# A user has no power over the machine that could be taken away here.
`

/** One word in a unit: in quotes, and no specifier. */
function quoted(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')
  return /^[\w/.=:@+,-]+$/.test(text) ? text : `"${escaped}"`
}
