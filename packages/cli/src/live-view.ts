const ESC = '\u001B'
const HOME = `${ESC}[H`
const CLEAR = `${ESC}[2J`
const CLEAR_LINE = `${ESC}[K`
const CLEAR_BELOW = `${ESC}[J`

export interface Screen {
  readonly isTTY?: boolean
  /** 0 and undefined: not known. */
  readonly rows?: number
  write(text: string): unknown
}

/**
 * Shows each text in the place of the one before, as much as the screen has room for; where no person looks, one below the
 * other with an empty line between.
 */
export class LiveView {
  readonly #screen: Screen
  readonly #redraws: boolean
  #isFirst = true

  constructor(screen: Screen, terminal = process.env['TERM']) {
    this.#screen = screen
    this.#redraws = screen.isTTY === true && terminal !== 'dumb'
  }

  show(text: string): void {
    const first = this.#isFirst
    this.#isFirst = false
    if (!this.#redraws) {
      this.#screen.write(`${first ? '' : '\n'}${text}\n`)
      return
    }
    const rows = this.#screen.rows ?? 0
    const lines = text.split('\n').slice(0, rows === 0 ? Infinity : Math.max(rows - 1, 1))
    const drawn = lines.map((line) => `${line}${CLEAR_LINE}\n`).join('')
    this.#screen.write(`${first ? CLEAR : ''}${HOME}${drawn}${CLEAR_BELOW}`)
  }
}
