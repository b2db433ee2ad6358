import { expect, test } from 'vitest'
import { listenError } from './listen-error.js'

const failed = (lines: string): Error =>
  new Error(`Some configured addresses failed to be listened on, you may need to:\n\n${lines}`)

test.each([
  {
    lines:
      '  /ip4/127.0.0.1/tcp/4001: Error: listen EADDRINUSE: address already in use 127.0.0.1:4001\n      at Server.setupListenHandle (node:net:1)',
    says: 'cannot listen on /ip4/127.0.0.1/tcp/4001: port 4001 is in use',
  },
  {
    lines: '  /ip4/192.0.2.1/tcp/0: Error: listen EADDRNOTAVAIL: address not available 192.0.2.1',
    says: 'cannot listen on /ip4/192.0.2.1/tcp/0: this machine has no such address',
  },
  {
    lines: '  /ip4/0.0.0.0/tcp/80: Error: listen EACCES: permission denied 0.0.0.0:80',
    says: 'cannot listen on /ip4/0.0.0.0/tcp/80: port 80 is not for this user',
  },
  { lines: '  /ip4/0.0.0.0/tcp/1: odd', says: 'cannot listen on /ip4/0.0.0.0/tcp/1: odd' },
])('$says', ({ lines, says }) => {
  const error = listenError(failed(lines))
  expect(error).toMatchObject({ code: 'NODE_DAEMON_START', message: says })
})

test('what is not about an address stays', () => {
  const error = new Error('odd')
  expect(listenError(error)).toBe(error)
})
