import { ignoringAt } from '../../scan/findings/index.ts'

/**
 * What an ignore comment says of a finding on a line: on the line itself, or alone on the one before. The same words as for findings
 * of secrets: `# mayfly: ignore RULE until YYYY-MM-DD REASON`.
 */
export function ignoringOn(lines: readonly string[], line: number, rule: string, nowMs: number) {
  const above = line > 1 ? `${lines[line - 2] ?? ''}\n` : ''
  const bytes = Buffer.from(`${above}${lines[line - 1] ?? ''}`)
  return ignoringAt(bytes, Buffer.byteLength(above), rule, nowMs)
}
