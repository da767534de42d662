import { ignoringAt } from '../../scan/findings/index.ts'

/**
 * What an ignore comment says of a finding on a line: on the line itself, or alone on the one before. The same words as for findings
 * of secrets: `# mayfly: ignore RULE until YYYY-MM-DD REASON`.
 */
export function ignoringOn(lines: readonly string[], line: number, rule: string, nowMs: number) {
  const above = line > 1 ? `${startOf(lines[line - 2])}\n` : ''
  const bytes = Buffer.from(`${above}${startOf(lines[line - 1])}`)
  return ignoringAt(bytes, Buffer.byteLength(above), rule, nowMs)
}

/** A comment further on in a line does not count: a file of one line with thousands of findings is not gone through for each. */
const maxChars = 10_000

function startOf(line = ''): string {
  return line.slice(0, maxChars)
}
