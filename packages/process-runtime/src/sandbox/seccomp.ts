/** Numbers of system calls (x64: syscall_64.tbl; arm64: asm-generic/unistd.h); null where the machine has none. */
const DENIED: readonly (readonly [name: string, x64: number, arm64: number | null])[] = [
  // What is mounted where
  ['mount', 165, 40],
  ['umount2', 166, 39],
  ['pivot_root', 155, 41],
  ['chroot', 161, 51],
  ['open_tree', 428, 428],
  ['move_mount', 429, 429],
  ['fsopen', 430, 430],
  ['fsconfig', 431, 431],
  ['fsmount', 432, 432],
  ['fspick', 433, 433],
  ['mount_setattr', 442, 442],
  ['open_by_handle_at', 304, 265],
  // Other namespaces; see also clone below
  ['unshare', 272, 97],
  ['setns', 308, 268],
  // Other processes
  ['ptrace', 101, 117],
  ['process_vm_readv', 310, 270],
  ['process_vm_writev', 311, 271],
  ['kcmp', 312, 272],
  ['pidfd_getfd', 438, 438],
  ['perf_event_open', 298, 241],
  // The kernel itself
  ['kexec_load', 246, 104],
  ['kexec_file_load', 320, 294],
  ['reboot', 169, 142],
  ['init_module', 175, 105],
  ['finit_module', 313, 273],
  ['delete_module', 176, 106],
  ['bpf', 321, 280],
  ['userfaultfd', 323, 282],
  ['io_uring_setup', 425, 425],
  ['io_uring_enter', 426, 426],
  ['io_uring_register', 427, 427],
  ['syslog', 103, 116],
  ['iopl', 172, null],
  ['ioperm', 173, null],
  // Keys of the kernel's key rings
  ['add_key', 248, 217],
  ['request_key', 249, 218],
  ['keyctl', 250, 219],
  // The whole machine's settings
  ['swapon', 167, 224],
  ['swapoff', 168, 225],
  ['acct', 163, 89],
  ['quotactl', 179, 60],
  ['quotactl_fd', 443, 443],
  ['settimeofday', 164, 170],
  ['clock_settime', 227, 112],
  ['clock_adjtime', 305, 266],
  ['adjtimex', 159, 171],
  ['sethostname', 170, 161],
  ['setdomainname', 171, 162],
  ['vhangup', 153, 58],
]

/** AUDIT_ARCH_* (linux/audit.h), and the two calls that make processes. */
const MACHINES = {
  x64: { audit: 0xc000_003e, clone: 56, clone3: 435 },
  arm64: { audit: 0xc000_00b7, clone: 220, clone3: 435 },
} as const

type Machine = keyof typeof MACHINES

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET (linux/sched.h). */
const NEW_NAMESPACES = 0x7e02_0000
/** System calls of x64's x32 interface carry this bit. */
const X32_BIT = 0x4000_0000

/** Codes of classic BPF (linux/bpf_common.h) and results (linux/seccomp.h). */
const LOAD = 0x20
const JUMP_EQUAL = 0x15
const JUMP_NOT_BELOW = 0x35
const JUMP_ANY_BIT = 0x45
const RETURN = 0x06
const ALLOW = 0x7fff_0000
const KILL_PROCESS = 0x8000_0000
const ERRNO = 0x0005_0000
const EPERM = 1
const ENOSYS = 38
/** Offsets in struct seccomp_data. */
const NUMBER = 0
const ARCH = 4
const FIRST_ARGUMENT = 16

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number]

export function isMachine(arch: string): arch is Machine {
  return Object.hasOwn(MACHINES, arch)
}

/**
 * The filter that a sandbox runs under, as `bwrap --seccomp` takes it: an array of struct sock_filter. It denies what a
 * program needs to leave the sandbox or to change the machine, and lets everything else through.
 */
export function seccompFilter(machine: Machine): Buffer {
  const { audit, clone, clone3 } = MACHINES[machine]
  const deny = (number: number, errno: number): Instruction[] => [
    [JUMP_EQUAL, 0, 1, number],
    [RETURN, 0, 0, ERRNO | errno],
  ]
  const program: Instruction[] = [
    [LOAD, 0, 0, ARCH],
    // Programs of another machine word (32 bit) would have other numbers.
    [JUMP_EQUAL, 1, 0, audit],
    [RETURN, 0, 0, KILL_PROCESS],
    [LOAD, 0, 0, NUMBER],
    [JUMP_NOT_BELOW, 0, 1, X32_BIT],
    [RETURN, 0, 0, ERRNO | EPERM],
    ...DENIED.flatMap(([, x64, arm64]) => {
      const number = machine === 'x64' ? x64 : arm64
      return number === null ? [] : deny(number, EPERM)
    }),
    // Its flags lie in memory, where a filter cannot look; the C libraries go back to clone.
    ...deny(clone3, ENOSYS),
    [JUMP_EQUAL, 0, 3, clone],
    [LOAD, 0, 0, FIRST_ARGUMENT],
    [JUMP_ANY_BIT, 0, 1, NEW_NAMESPACES],
    [RETURN, 0, 0, ERRNO | EPERM],
    [RETURN, 0, 0, ALLOW],
  ]
  const bytes = Buffer.alloc(program.length * 8)
  for (const [index, [code, ifTrue, ifFalse, value]] of program.entries()) {
    const at = index * 8
    bytes.writeUInt16LE(code, at)
    bytes.writeUInt8(ifTrue, at + 2)
    bytes.writeUInt8(ifFalse, at + 3)
    bytes.writeUInt32LE(value >>> 0, at + 4)
  }
  return bytes
}
