/** What a header may say, sound or not. */
export interface RawEntry {
  readonly name?: string | Buffer
  readonly type?: string
  readonly mode?: number
  readonly link?: string
  readonly body?: Buffer
  /** The size that the header claims; default: the body's. */
  readonly size?: number
  readonly magic?: string
  readonly checksum?: string
  readonly prefix?: string
  readonly padding?: number
}

/** A tar of any content, for archives that no honest tool makes. */
export function rawTar(entries: readonly RawEntry[], end: Buffer = Buffer.alloc(1024)): Buffer {
  return Buffer.concat([...entries.map(rawEntry), end])
}

export function rawEntry(entry: RawEntry): Buffer {
  const body = entry.body ?? Buffer.alloc(0)
  const header = Buffer.alloc(512)
  const name = entry.name ?? 'file'
  header.set(Buffer.isBuffer(name) ? name : Buffer.from(name), 0)
  header.write(`${(entry.mode ?? 0o644).toString(8).padStart(7, '0')}\0`, 100, 'latin1')
  header.write('0000000\0', 108, 'latin1')
  header.write('0000000\0', 116, 'latin1')
  header.write(`${(entry.size ?? body.length).toString(8).padStart(11, '0')}\0`, 124, 'latin1')
  header.write('00000000000\0', 136, 'latin1')
  header.write(entry.type ?? '0', 156, 'latin1')
  if (entry.link !== undefined) header.write(entry.link, 157, 'utf8')
  header.write(entry.magic ?? 'ustar\u000000', 257, 'latin1')
  if (entry.prefix !== undefined) header.write(entry.prefix, 345, 'utf8')
  header.write('        ', 148, 'latin1')
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(entry.checksum ?? `${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  const padding = Buffer.alloc((512 - (body.length % 512)) % 512, entry.padding ?? 0)
  return Buffer.concat([header, body, padding])
}

/** A pax record for the entry behind it. */
export function pax(records: Readonly<Record<string, string>>): RawEntry {
  const body = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`
    let length = rest.length + 1
    while (`${String(length)}${rest}`.length !== length) length += 1
    return `${String(length)}${rest}`
  })
  return { name: 'PaxHeader', type: 'x', body: Buffer.from(body.join('')) }
}
