import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PlaygroundError, systemCode } from '@p2p-playground/core'
import type { RunUser } from '@p2p-playground/core'
import * as v from 'valibot'
import { asDiskError } from '../engine/disk-full.js'
import { FIRST_UID } from './user-lookup.js'

const LAST_UID = FIRST_UID + 99_999

const schema = v.record(v.string(), v.pipe(v.number(), v.integer(), v.minValue(FIRST_UID)))

/** A uid of its own for each app of this node; an app keeps it for good, and no other gets it. */
export class DynamicUsers {
  readonly #path: string
  readonly #uids: Map<string, number>
  /** Ends when the last who asked has an answer. */
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(path: string, uids: Map<string, number>) {
    this.#path = path
    this.#uids = uids
  }

  /** @throws STATE_CORRUPT */
  static async open(path: string): Promise<DynamicUsers> {
    return new DynamicUsers(path, new Map(Object.entries(await readUids(path))))
  }

  /** On disk before it is used. @throws STATE_DISK, and the next who asks tries again */
  async of(app: string): Promise<RunUser> {
    const answer = this.#turn.then(async () => this.#give(app))
    // Who asked is told; the next one in line tries for itself.
    this.#turn = answer.catch(() => undefined)
    const uid = await answer
    return { uid, gid: uid }
  }

  async #give(app: string): Promise<number> {
    const known = this.#uids.get(app)
    if (known !== undefined) return known
    const uid = this.#next()
    await this.#save({ ...Object.fromEntries(this.#uids), [app]: uid })
    this.#uids.set(app, uid)
    return uid
  }

  #next(): number {
    const uid = Math.max(FIRST_UID - 1, ...this.#uids.values()) + 1
    if (uid <= LAST_UID) return uid
    throw new PlaygroundError('APP_START', `this node has given away all uids up to ${String(uid)}`)
  }

  async #save(uids: Readonly<Record<string, number>>): Promise<void> {
    try {
      await replaceFile(this.#path, `${JSON.stringify(uids, null, 2)}\n`)
    } catch (error) {
      throw asDiskError(error, this.#path)
    }
  }
}

/** Whole or not at all, also after a power cut. */
async function replaceFile(path: string, text: string): Promise<void> {
  const fresh = `${path}.new`
  const file = await open(fresh, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(fresh, path)
  const dir = await open(dirname(path), 'r')
  try {
    await dir.sync()
  } finally {
    await dir.close()
  }
}

async function readUids(path: string): Promise<Record<string, number>> {
  try {
    return v.parse(schema, JSON.parse(await readFile(path, 'utf8')))
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return {}
    throw new PlaygroundError('STATE_CORRUPT', `${path} is not what was written there`, {
      cause,
      hint: 'Restore it; without it apps would get the files of others.',
    })
  }
}
