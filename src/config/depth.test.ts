import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { parseConfig } from './index.ts'

test('what is nested too deeply is refused before anything calls itself for each level, fast', () => {
  const anything = z.unknown()
  const rows = ['[', '{a: ', '- ', '? ', '[{a: '].map((one) => one.repeat(15_000))
  const steps = Array.from({ length: 300 }, (_, at) => `${' '.repeat(at)}a:\n`).join('')
  for (const text of [...rows, steps]) {
    const started = performance.now()
    const parsed = parseConfig(text, 'x', anything)
    assert.match(parsed.ok ? '' : (parsed.problems[0]?.message ?? ''), /nested too deeply/)
    assert.ok(performance.now() - started < 1_000, text.slice(0, 10))
  }
  const flat = parseConfig(`a: [${'"[", '.repeat(500)}]\nb:\n${'- {c: [d]}\n'.repeat(500)}`, 'x', anything)
  assert.ok(flat.ok)
  assert.ok(parseConfig(`${'['.repeat(30)}${']'.repeat(30)}`, 'x', anything).ok)
})
