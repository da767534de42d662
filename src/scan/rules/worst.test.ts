import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRules, worstTexts } from '../engine/index.ts'
import { builtInRules, checks, finders, seededRandom } from './index.ts'

/** Bytes looked at again, or instructions, for each byte of a text that was made to be slow: a megabyte is looked at within a second. */
const mostSteps = 500

test('no text that is made of a kind’s own pattern keeps it at work for long', () => {
  const slow: string[] = []
  for (const rule of builtInRules) {
    const engine = compileRules([rule], { checks, finders })
    for (const text of worstTexts(rule, { checks, finders }, seededRandom(7))) {
      const before = engine.steps
      engine.find(text, () => undefined)
      const steps = (engine.steps - before) / text.length
      if (steps > mostSteps) slow.push(`${rule.id}: ${steps.toFixed(0)} of ${text.toString('latin1', 0, 60)}`)
    }
  }
  assert.deepEqual(slow, [])
})
