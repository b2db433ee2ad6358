import { describe, expect, it } from 'vitest'
import { seccompFilter } from './seccomp.js'

const ALLOW = 'allow'
const EPERM = 'EPERM'
const ENOSYS = 'ENOSYS'
const KILL = 'kill'
const RESULTS: Readonly<Record<number, string>> = {
  0x7fff0000: ALLOW,
  0x50001: EPERM,
  0x50026: ENOSYS,
  0x80000000: KILL,
}
const ARCH = { x64: 0xc000003e, arm64: 0xc00000b7, ia32: 0x40000003 }

/** Runs a filter as the kernel does, as far as ours go (networking/filter.rst). */
function evaluate(program: Buffer, arch: number, number: number, argument = 0): string {
  const data = Buffer.alloc(64)
  data.writeUInt32LE(number, 0)
  data.writeUInt32LE(arch, 4)
  data.writeUInt32LE(argument, 16)
  let accumulator = 0
  for (let at = 0; at < program.length; at += 8) {
    const value = program.readUInt32LE(at + 4)
    const jump = (isTrue: boolean): void => {
      at += 8 * program.readUInt8(at + (isTrue ? 2 : 3))
    }
    switch (program.readUInt16LE(at)) {
      case 0x20:
        accumulator = data.readUInt32LE(value)
        break
      case 0x15:
        jump(accumulator === value)
        break
      case 0x35:
        jump(accumulator >= value)
        break
      case 0x45:
        jump((accumulator & value) !== 0)
        break
      case 0x06:
        return RESULTS[value] ?? `result ${value.toString(16)}`
      default:
        return 'an instruction that the test does not know'
    }
  }
  return 'no result'
}

describe('the system call filter', () => {
  it.each<['x64' | 'arm64', string, number, string]>([
    ['x64', 'read', 0, ALLOW],
    ['x64', 'execve', 59, ALLOW],
    ['x64', 'socket', 41, ALLOW],
    ['x64', 'kill', 62, ALLOW],
    ['x64', 'a call newer than the list', 999, ALLOW],
    ['x64', 'mount', 165, EPERM],
    ['x64', 'ptrace', 101, EPERM],
    ['x64', 'kexec_load', 246, EPERM],
    ['x64', 'finit_module', 313, EPERM],
    ['x64', 'bpf', 321, EPERM],
    ['x64', 'keyctl', 250, EPERM],
    ['x64', 'userfaultfd', 323, EPERM],
    ['x64', 'unshare', 272, EPERM],
    ['x64', 'setns', 308, EPERM],
    ['x64', 'clone3', 435, ENOSYS],
    ['x64', 'a call of the x32 interface', 0x40000000, EPERM],
    ['arm64', 'read', 63, ALLOW],
    ['arm64', 'execve', 221, ALLOW],
    ['arm64', 'mount', 40, EPERM],
    ['arm64', 'ptrace', 117, EPERM],
    ['arm64', 'unshare', 97, EPERM],
    ['arm64', 'setns', 268, EPERM],
    ['arm64', 'bpf', 280, EPERM],
    ['arm64', 'open_by_handle_at', 265, EPERM],
    ['arm64', 'clone3', 435, ENOSYS],
    // 165 is mount on x64 and getrusage here.
    ['arm64', 'getrusage', 165, ALLOW],
  ])('on %s answers %s (%d) with %s', (machine, _name, number, result) => {
    expect(evaluate(seccompFilter(machine), ARCH[machine], number)).toBe(result)
  })

  it.each([
    ['a thread', 0x3d0f00, ALLOW],
    ['a process', 0x11, ALLOW],
    ['a process in a new user namespace', 0x10000011, EPERM],
    ['a process in a new mount namespace', 0x20011, EPERM],
    ['a process in a new network namespace', 0x40000011, EPERM],
  ])('lets clone make %s: %s', (_name, flags, result) => {
    expect(evaluate(seccompFilter('x64'), ARCH.x64, 56, flags)).toBe(result)
    expect(evaluate(seccompFilter('arm64'), ARCH.arm64, 220, flags)).toBe(result)
  })

  it('kills what calls with the numbers of another machine', () => {
    expect(evaluate(seccompFilter('x64'), ARCH.ia32, 0)).toBe(KILL)
    expect(evaluate(seccompFilter('arm64'), ARCH.x64, 0)).toBe(KILL)
  })
})
