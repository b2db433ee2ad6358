import { describe, expect, it } from 'vitest'
import { PeerBook } from './peer-book.js'

const addresses = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `/dns4/${name}-${String(index)}/tcp/4001/p2p/web`)

describe('PeerBook', () => {
  it('knows the newest addresses of a peer, and who told of it first', () => {
    const book = new PeerBook()
    book.add({ peerId: 'web', addresses: addresses('old', 10), source: 'mdns' })
    book.add({ peerId: 'web', addresses: addresses('new', 10), source: 'consul' })
    expect(book.get('web')).toEqual({
      peerId: 'web',
      addresses: [...addresses('new', 10), ...addresses('old', 6)],
      source: 'mdns',
    })
  })

  it.each(['static', 'bootstrap', 'local'])(
    'keeps what is named as %s before hints, however many come',
    (source) => {
      const book = new PeerBook()
      book.add({ peerId: 'web', addresses: addresses('named', 1), source })
      book.add({ peerId: 'web', addresses: addresses('hint', 16), source: 'mdns' })
      expect(book.get('web')?.addresses).toEqual([
        ...addresses('named', 1),
        ...addresses('hint', 15),
      ])
    },
  )

  it('has room for hints beside any number of addresses that were named', () => {
    const book = new PeerBook()
    book.add({ peerId: 'web', addresses: addresses('named', 20), source: 'static' })
    book.add({ peerId: 'web', addresses: addresses('hint', 1), source: 'mdns' })
    expect(book.get('web')?.addresses).toEqual([...addresses('named', 15), ...addresses('hint', 1)])
  })

  it('forgets the oldest hints when there are very many, and nothing that was named', () => {
    const book = new PeerBook()
    const told: string[] = []
    book.onPeer(({ peerId }) => void told.push(peerId))
    book.add({ peerId: 'named', addresses: addresses('named', 1), source: 'static' })
    for (let index = 0; index < 5000; index += 1) {
      const peerId = `stranger-${String(index)}`
      book.add({ peerId, addresses: addresses(peerId, 1), source: 'mdns' })
    }
    expect(book.all()).toHaveLength(4096)
    expect(book.get('named')).toBeDefined()
    expect(book.get('stranger-0')).toBeUndefined()
    expect(book.get('stranger-4999')).toBeDefined()
    expect(told).toHaveLength(5001)
  })
})
