import { messageOf } from '../../lib/index.ts'
import { compileExpression, compileRules, type Engine, type Rule } from '../engine/index.ts'
import { fillTemplate, seededRandom } from '../rules/index.ts'

/** Which part of a rule is wrong, and how. */
export interface RuleProblem {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** Templates are filled so many times, each time with other characters. */
const fills = 5

/**
 * A rule is used only if it finds what it says it finds, and not what it says it does not. Returns the first thing that is wrong with it.
 */
export function ruleProblem(rule: Rule): RuleProblem | undefined {
  let engine: Engine
  try {
    engine = compileRules([rule])
  } catch (error) {
    return { path: ['pattern'], message: messageOf(error) }
  }
  try {
    if (rule.path !== undefined) compileExpression(rule.path)
  } catch (error) {
    return { path: ['path'], message: messageOf(error) }
  }
  for (const kind of ['positive', 'negative'] as const)
    for (const [index, template] of rule.examples[kind].entries()) {
      const message = exampleProblem(engine, template, kind === 'positive')
      if (message !== undefined)
        return { path: ['examples', kind, index], message: `rule ${rule.id}: ${message}` }
    }
  return undefined
}

function exampleProblem(engine: Engine, template: string, isFound: boolean): string | undefined {
  const random = seededRandom(1)
  try {
    for (let fill = 0; fill < fills; fill++) {
      let hits = 0
      engine.find(Buffer.from(fillTemplate(template, random)), () => hits++)
      if (isFound && hits === 0) return 'it does not find this positive example'
      if (!isFound && hits > 0) return 'it finds this negative example'
    }
  } catch (error) {
    return messageOf(error)
  }
  return undefined
}
