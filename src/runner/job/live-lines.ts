import type { Writable } from 'node:stream'

/** Lines at the foot of a terminal, one for each step that runs. */
export interface LiveLines {
  /** Writes text, whole lines, above them. */
  print(target: Writable, text: string, done: () => void): void
  /** A further line; called again it goes. */
  add(title: string): () => void
  close(): void
}

type Terminal = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number }

/** Only on a terminal that can move its cursor, and with a person before it. */
export function isLive(stderr: Terminal, variables: Readonly<Record<string, string>>): boolean {
  return stderr.isTTY === true && variables['TERM'] !== 'dumb' && (variables['CI'] ?? '') === ''
}

const tickMs = 1_000

/**
 * They are taken away and written again in one write with what is printed, so that nothing flickers. `target` may be another
 * stream of the same terminal: both are written at once then, in the order of the calls.
 */
export function createLiveLines(terminal: Terminal): LiveLines {
  const running = new Map<object, { title: string; startedMs: number }>()
  let drawn = 0
  const ticker = setInterval(() => {
    if (running.size > 0) terminal.write(`${away()}${drawing()}`)
  }, tickMs).unref()

  /** Cursor to the start of the first of them, and everything below erased (ECMA-48: CUU, ED). */
  const away = () => (drawn === 0 ? '' : `\x1b[${drawn}A\r\x1b[J`)

  function drawing(): string {
    const columns = Math.max(20, terminal.columns ?? 80)
    const most = Math.max(1, (terminal.rows ?? 24) - 2)
    const all = [...running.values()].map(({ title, startedMs }) => {
      const time = ` ${Math.floor((performance.now() - startedMs) / 1000)} s`
      return `* ${title.slice(0, columns - time.length - 3)}${time}`
    })
    const lines = all.length > most ? [...all.slice(0, most - 1), `* and ${all.length - most + 1} more`] : all
    drawn = lines.length
    return lines.map((line) => `${line}\n`).join('')
  }

  return {
    print(target, text, done) {
      if (target === terminal) return void terminal.write(`${away()}${text}${drawing()}`, done)
      if ((target as Terminal).isTTY !== true) return void target.write(text, done)
      terminal.write(away())
      target.write(text, done)
      terminal.write(drawing())
    },
    add(title) {
      const key = {}
      running.set(key, { title, startedMs: performance.now() })
      terminal.write(`${away()}${drawing()}`)
      return () => {
        const gone = away()
        running.delete(key)
        terminal.write(`${gone}${drawing()}`)
      }
    },
    close() {
      clearInterval(ticker)
      if (drawn > 0) terminal.write(away())
      drawn = 0
    },
  }
}
