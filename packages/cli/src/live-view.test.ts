import { expect, test } from 'vitest'
import { LiveView } from './live-view.js'
import type { Screen } from './live-view.js'

class FakeScreen implements Screen {
  readonly written: string[] = []

  constructor(
    readonly isTTY: boolean,
    readonly rows = 24,
  ) {}

  write(text: string): void {
    this.written.push(text.replaceAll('\u001B', '^'))
  }
}

function shown(screen: FakeScreen, terminal: string): string[] {
  const view = new LiveView(screen, terminal)
  view.show('a\nb')
  view.show('c')
  return screen.written
}

test('draws one over the other, and clears what is left of the longer one', () => {
  expect(shown(new FakeScreen(true), 'xterm')).toEqual(['^[2J^[Ha^[K\nb^[K\n^[J', '^[Hc^[K\n^[J'])
})

test('shows as many lines as there is room for, all when that is not known', () => {
  expect(shown(new FakeScreen(true, 0), 'xterm')[0]).toContain('b')
  expect(shown(new FakeScreen(true, 2), 'xterm')[0]).toBe('^[2J^[Ha^[K\n^[J')
})

test.each([
  ['where no person looks', new FakeScreen(false), 'xterm'],
  ['on a terminal that cannot', new FakeScreen(true), 'dumb'],
])('puts one below the other %s', (_where, screen, terminal) => {
  expect(shown(screen, terminal)).toEqual(['a\nb\n', '\nc\n'])
})
