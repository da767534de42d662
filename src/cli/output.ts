import { MayflyError, messageOf, plainLine } from '../lib/index.ts'
import { visible } from './story.ts'

/** What a command's exit code says; documented in docs/cli.md. */
export const exitCodes = {
  ok: 0,
  /** The answer is no: refused, invalid, not verified. */
  refused: 1,
  /** The command line or the input is wrong. */
  usage: 2,
  /** The server, the log or an issuer cannot be reached, or is not ready. */
  unavailable: 3,
} as const

const unavailable: ReadonlySet<string> = new Set([
  'audit_unavailable',
  'issuer_unreachable',
  'store_failed',
  'thread_failed',
  'upstream_unreachable',
  'vault_sealed',
])
const usage: ReadonlySet<string> = new Set(['bad_input'])

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof MayflyError)) return exitCodes.refused
  if (unavailable.has(error.code)) return exitCodes.unavailable
  return usage.has(error.code) ? exitCodes.usage : exitCodes.refused
}

/** Prints the result: one JSON object with `--json`, else the lines for a person. */
export function print(json: boolean, value: object, lines: readonly string[]): void {
  endWithReader()
  process.stdout.write(json ? `${toJson(value)}\n` : lines.map((line) => `${line}\n`).join(''))
}

/**
 * Who reads what is printed may have seen enough (`| head`): then the command ends, as others do by SIGPIPE. Asked for before anything
 * is printed; a command that has its own way to end keeps it.
 */
export function endWithReader(): void {
  if (process.stdout.listenerCount('error') > 0) return
  process.stdout.once('error', (error) => {
    if (!('code' in error) || error.code !== 'EPIPE') printError(false, error)
    process.exit(141)
  })
}

/** On one line, and the same JSON with what a terminal could obey in it escaped: JSON itself leaves DEL and C1 as they are. */
export function toJson(value: object): string {
  return visible(JSON.stringify(value))
}

/** One clear line, or a few (with `--json` one object) on standard error, whatever stands in it. `mask` takes out what must not be seen. */
export function printError(json: boolean, error: unknown, mask = (text: string) => text): void {
  const message = mask(error instanceof MayflyError ? error.message : messageOf(error))
  if (json) {
    const code = error instanceof MayflyError ? error.code : 'internal'
    process.stderr.write(`${toJson({ error: code, message })}\n`)
  } else process.stderr.write(`mayfly: ${message.split('\n').map(plainLine).join('\n')}\n`)
}

/** Columns padded to their widest cell; the last one is left as it is. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)))
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}
