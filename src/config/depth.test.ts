import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { parseConfig } from './index.ts'

test('what is nested too deeply is refused before anything calls itself for each level', () => {
  const anything = z.unknown()
  const rows = ['[', '{a: ', '- ', '? ', '[{a: '].map((one) => one.repeat(15_000))
  const steps = Array.from({ length: 300 }, (_, at) => `${' '.repeat(at)}a:\n`).join('')
  for (const text of [...rows, steps]) {
    const parsed = parseConfig(text, 'x', anything)
    assert.ok(!parsed.ok)
    const { message = '', line, column } = parsed.problems[0] ?? {}
    assert.match(message, /nested too deeply/)
    // At the hundredth level, not where the reader of YAML has no stack left.
    assert.ok((line ?? 0) <= 100 && (column ?? 1_000) <= 400, `${line}:${column}`)
  }
  const flat = parseConfig(`a: [${'"[", '.repeat(500)}]\nb:\n${'- {c: [d]}\n'.repeat(500)}`, 'x', anything)
  assert.ok(flat.ok)
  assert.ok(parseConfig(`${'['.repeat(30)}${']'.repeat(30)}`, 'x', anything).ok)
})
