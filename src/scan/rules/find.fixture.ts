import { compileRules, type Hit, type Rule } from '../engine/index.ts'
import { checks, finders } from './index.ts'

/** What the engine finds by these rules in texts of single bytes, and in how many steps. */
export function searchFor(rules: readonly Rule[]) {
  const engine = compileRules(rules, { checks, finders })
  return {
    find(text: string): readonly Hit[] {
      const hits: Hit[] = []
      engine.find(Buffer.from(text, 'latin1'), (hit) => hits.push(hit))
      return hits
    },
    stepsFor(text: string): number {
      const before = engine.steps
      engine.find(Buffer.from(text, 'latin1'), () => undefined)
      return engine.steps - before
    },
  }
}
