import { createHash } from 'node:crypto'
import type { LogEntry } from '@p2p-playground/core'

/** S3 takes keys of up to 1,024 bytes; an app, a node and a version fit in with room for a prefix. */
const MAX_PART = 160
const SEQ_DIGITS = 12
const DIGEST_DIGITS = 12

const NAME = String.raw`[^/]+\.\d+-\d+\.[0-9a-f]{12}\.ndjson\.gz`
const TIME = String.raw`date=\d{4}-\d\d-\d\d/hour=\d\d`
const OURS = new RegExp(`^(?:app/app=[^/]+|daemon|event)/node=[^/]+/${TIME}/${NAME}$`)

/**
 * Where lines of one source are stored: a table each for lines of apps, of daemons, and events, in partitions as Hive names
 * them, by the time of the first line in UTC. Made of what the lines are, so that a second try has the same key; the digest
 * of the lines keeps another node of that name, whose numbers began anew, from having it too.
 */
export function objectKey(prefix: string, entries: readonly LogEntry[], digest: string): string {
  const [first] = entries
  if (first === undefined) throw new RangeError('an object has at least one line')
  const time = new Date(first.timeMs).toISOString()
  const table = first.kind === 'app' ? `app/app=${keyPart(first.app)}` : first.kind
  const source =
    first.kind === 'app' ? `${keyPart(first.version)}.${keyPart(first.instance)}` : first.kind
  const seqs = [first.seq, entries.at(-1)?.seq ?? first.seq]
  const range = seqs.map((seq) => String(seq).padStart(SEQ_DIGITS, '0')).join('-')
  return [
    ...(prefix === '' ? [] : [prefix]),
    table,
    `node=${keyPart(first.node)}`,
    `date=${time.slice(0, 10)}`,
    `hour=${time.slice(11, 13)}`,
    `${source}.${range}.${digest.slice(0, DIGEST_DIGITS)}.ndjson.gz`,
  ].join('/')
}

/** True for a key that `objectKey` makes. */
export function isObjectKey(prefix: string, key: string): boolean {
  const start = prefix === '' ? '' : `${prefix}/`
  return key.startsWith(start) && OURS.test(key.slice(start.length))
}

/** A name as a value of a partition: `%XX` as Hive does, and shortened to something unique where it is too long. */
function keyPart(name: string): string {
  const safe = [...Buffer.from(name)].map(escapeByte).join('')
  if (safe.length <= MAX_PART) return safe
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 16)
  return `${safe.slice(0, MAX_PART - digest.length - 1).replace(/%.?$/, '')}~${digest}`
}

function escapeByte(byte: number): string {
  const char = String.fromCharCode(byte)
  if (/[\w.-]/.test(char)) return char
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}
