import { constants } from 'node:fs'
import { access, open, stat } from 'node:fs/promises'
import { PlaygroundError, systemCode } from '@p2p-playground/core'

/** e_machine of ELF headers (elf(5)). */
const MACHINES: Readonly<Record<string, number>> = {
  x64: 62,
  arm64: 183,
  ia32: 3,
  arm: 40,
  riscv64: 243,
}

/** What the kernel would refuse to execute, said before it does. @throws RUNTIME_SPAWN */
export async function checkProgram(path: string): Promise<void> {
  try {
    if (!(await stat(path)).isFile()) throw refused(path, 'it is not a file')
    await access(path, constants.X_OK)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') throw refused(path, 'there is no such file')
    if (code === 'EACCES') throw refused(path, 'it is not executable')
    throw error
  }
  const head = await readHead(path)
  if (head.subarray(0, 4).toString('latin1') === '\x7fELF') {
    checkMachine(path, head)
    return
  }
  if (head.subarray(0, 2).toString('latin1') !== '#!') {
    throw refused(path, 'it is neither an ELF program nor a script with a "#!" line')
  }
  const interpreter = /^#!\s*(\S+)/.exec(head.toString('latin1').split('\n')[0] ?? '')?.[1] ?? ''
  try {
    await access(interpreter, constants.X_OK)
  } catch {
    throw refused(path, `its interpreter "${interpreter}" is not there`)
  }
}

function checkMachine(path: string, head: Buffer): void {
  const machine = head.length >= 20 ? head.readUInt16LE(18) : 0
  const own = MACHINES[process.arch]
  if (own !== undefined && machine !== own) {
    throw refused(path, `it is built for another machine than ${process.arch}`)
  }
}

async function readHead(path: string): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

function refused(path: string, why: string): PlaygroundError {
  return new PlaygroundError('RUNTIME_SPAWN', `cannot run ${path}: ${why}`, {
    hint: 'Check "entrypoint" in manifest.yaml and that the file is a program for this machine.',
  })
}
