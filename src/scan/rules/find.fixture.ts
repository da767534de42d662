import { compileRules, type Hit, type Rule } from '../engine/index.ts'
import { checks, finders } from './index.ts'

/** What the engine finds by these rules in a text of single bytes. */
export function finderOf(rules: readonly Rule[]): (text: string) => readonly Hit[] {
  const engine = compileRules(rules, { checks, finders })
  return (text) => {
    const hits: Hit[] = []
    engine.find(Buffer.from(text, 'latin1'), (hit) => hits.push(hit))
    return hits
  }
}
