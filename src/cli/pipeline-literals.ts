import { createPositions, type FindLiterals } from '../pipelines/index.ts'
import { compileRules, type Hit } from '../scan/engine/index.ts'
import { createAllowList, findingsIn, type Point } from '../scan/findings/index.ts'
import { builtInRules, checks, finders } from '../scan/rules/index.ts'

/** Secrets that stand in a pipeline file itself, by the rules of the scanner. What only may be one is left to `mayfly scan`. */
export function createLiteralFinder(nowMs: number): FindLiterals {
  const engine = compileRules(builtInRules, { checks, finders, proven: new Set(builtInRules) })
  const titles = new Map(builtInRules.map(({ id, title }) => [id, title]))
  const allow = createAllowList([], nowMs)
  return ({ path: name, text }) => {
    const bytes = Buffer.from(text)
    const hits: Hit[] = []
    engine.find(bytes, (hit) => hits.push(hit))
    if (hits.length === 0) return []
    const at = createPositions(text)
    const position = (offset: number) => at(bytes.toString('utf8', 0, offset).length)
    const looked = { name, bytes, from: 0, to: bytes.length, isBinary: false, decoded: [], position }
    const offsetOf = createOffsets(text)
    return findingsIn(looked, hits, { nowMs, allow })
      .findings.filter(({ confidence, accepted }) => confidence !== 'possible' && accepted === undefined)
      .map(({ rule, start, end, excerpt }) => ({
        span: { start: offsetOf(start), end: offsetOf(end) },
        message: `${titles.get(rule) ?? rule} stands in the file: ${excerpt.trim()}`,
      }))
  }
}

function createOffsets(text: string): (point: Point) => number {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return ({ line, column }) => (starts[line - 1] ?? 0) + column - 1
}
