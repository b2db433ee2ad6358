import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PlaygroundError, systemCode } from '@p2p-playground/core'
import type { RunUser } from '@p2p-playground/core'
import * as v from 'valibot'

/** Nobody else gives these numbers away (systemd: UIDS-GIDS.md, "unused" above 1879048192). */
const FIRST_UID = 1_900_000_000
const LAST_UID = FIRST_UID + 99_999

const schema = v.record(v.string(), v.pipe(v.number(), v.integer(), v.minValue(FIRST_UID)))

/** A uid of its own for each app of this node; an app keeps it for good, and no other gets it. */
export class DynamicUsers {
  readonly #path: string
  readonly #uids: Map<string, number>
  #saved: Promise<void> = Promise.resolve()

  private constructor(path: string, uids: Map<string, number>) {
    this.#path = path
    this.#uids = uids
  }

  /** @throws STATE_CORRUPT */
  static async open(path: string): Promise<DynamicUsers> {
    return new DynamicUsers(path, new Map(Object.entries(await readUids(path))))
  }

  /** On disk before it is used. */
  async of(app: string): Promise<RunUser> {
    const uid = this.#uids.get(app) ?? this.#next()
    if (!this.#uids.has(app)) {
      this.#uids.set(app, uid)
      this.#saved = this.#saved.then(async () => this.#save())
    }
    await this.#saved
    return { uid, gid: uid }
  }

  #next(): number {
    const uid = Math.max(FIRST_UID - 1, ...this.#uids.values()) + 1
    if (uid <= LAST_UID) return uid
    throw new PlaygroundError('APP_START', `this node has given away all uids up to ${String(uid)}`)
  }

  async #save(): Promise<void> {
    const fresh = `${this.#path}.new`
    const file = await open(fresh, 'w', 0o600)
    try {
      await file.writeFile(`${JSON.stringify(Object.fromEntries(this.#uids), null, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(fresh, this.#path)
    const dir = await open(dirname(this.#path), 'r')
    try {
      await dir.sync()
    } finally {
      await dir.close()
    }
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
