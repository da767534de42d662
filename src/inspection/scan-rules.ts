import { compileRules, type Engine } from '../scan/engine/index.ts'
import { builtInRules, checks, finders } from '../scan/rules/index.ts'

/** What is looked for beside the vault's secrets; read when the first thread that scans starts. */
export function openEngine(): Engine {
  return compileRules(builtInRules, { checks, finders, proven: new Set(builtInRules) })
}
