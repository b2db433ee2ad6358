import { styleText } from 'node:util'

/** Colours only where a person looks and has not asked for none (https://no-color.org). */
function usesColor(): boolean {
  return (
    process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '' && process.env['TERM'] !== 'dumb'
  )
}

export function paint(style: Parameters<typeof styleText>[0], text: string): string {
  return usesColor() ? styleText(style, text) : text
}

const STATE_STYLES: Readonly<Record<string, Parameters<typeof styleText>[0]>> = {
  healthy: 'green',
  running: 'green',
  up: 'green',
  done: 'green',
  unhealthy: 'red',
  failed: 'red',
  down: 'red',
  refused: 'red',
  backoff: 'yellow',
  starting: 'yellow',
  stopping: 'yellow',
}

export function paintState(state: string): string {
  const style = STATE_STYLES[state]
  return style === undefined ? state : paint(style, state)
}

/** `3m`, `2h`, `5d` since then; empty for null. */
export function age(ms: number | null): string {
  if (ms === null) return ''
  const seconds = Math.max(0, Math.round((Date.now() - ms) / 1000))
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
  ] as const) {
    if (seconds >= size) return `${String(Math.floor(seconds / size))}${unit}`
  }
  return `${String(seconds)}s`
}

/** `1 restart`, `2 restarts`, `2 processes`. */
export function counted(count: number, noun: string): string {
  return `${String(count)} ${noun}${count === 1 ? '' : noun.endsWith('s') ? 'es' : 's'}`
}

/** Local time with milliseconds, as logs show it. */
export function clockTime(ms: number): string {
  const time = new Date(ms)
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = `${String(time.getFullYear())}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
  const hour = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
  return `${day} ${hour}.${String(time.getMilliseconds()).padStart(3, '0')}`
}

/** Control characters as visible escapes, and those that turn text round, so that no app can drive the terminal; tabs stay. */
export function harmless(text: string): string {
  return text.replaceAll(/(?!\t)[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu, (char) => {
    const hex = char.charCodeAt(0).toString(16)
    return hex.length > 2 ? `\\u${hex.padStart(4, '0')}` : `\\x${hex.padStart(2, '0')}`
  })
}

/** As `harmless`, for text of several lines. */
export function harmlessText(text: string): string {
  return text.split('\n').map(harmless).join('\n')
}

/** Columns without borders. */
export async function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<string> {
  const { default: Table } = await import('cli-table3')
  const border = Object.fromEntries(BORDER_PARTS.map((part) => [part, ''])) as Record<
    string,
    string
  >
  const drawn = new Table({
    head: head.map((title) => paint('bold', title)),
    chars: { ...border, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  drawn.push(...rows.map((row) => [...row]))
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

const BORDER_PARTS = [
  'top',
  'top-mid',
  'top-left',
  'top-right',
  'bottom',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
  'left',
  'left-mid',
  'mid',
  'mid-mid',
  'right',
  'right-mid',
]
