import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { Secret } from '../../lib/index.ts'
import { createRedactor } from '../redactor.ts'
import { scriptRecord, usageRecord } from './end-record.ts'

const redactor = createRedactor([new Secret('q7Rk-very-secret-value-01')])
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

test('the digest is of the script as it stands in the file, or of the arguments as the kernel has them', () => {
  const script = 'npm ci\nnpm test\n'
  const command = ['/bin/bash', '-e', '-c', script]
  assert.deepEqual(scriptRecord({ command, script }, redactor), {
    text: script,
    of: 'run',
    sha256: sha256(script),
  })
  assert.deepEqual(scriptRecord({ command: ['npm', 'run', 'a b'] }, redactor), {
    text: 'npm run a b',
    of: 'argv',
    sha256: sha256('npm\0run\0a b\0'),
  })
})

test('a script with a secret in it is masked and has no digest, that could be tried until it fits', () => {
  for (const one of [
    { command: ['curl', '-u', 'q7Rk-very-secret-value-01'] },
    { command: ['sh'], script: 'echo q7Rk-very-secret-value-01' },
  ]) {
    const { text, sha256: digest } = scriptRecord(one, redactor)
    assert.match(text, /\*\*\*/)
    assert.equal(digest, undefined)
  }
})

test('a long script is cut in the record, and its digest is of all of it', () => {
  const script = 'x'.repeat(5_000)
  const record = scriptRecord({ command: [], script }, redactor)
  assert.deepEqual([record.text.length, record.sha256], [1_000, sha256(script)])
})

test('what was left is named without secrets; what is not known is not said', () => {
  assert.equal(usageRecord(undefined, redactor), undefined)
  assert.deepEqual(usageRecord({ userMs: 5, left: [] }, redactor), { resources: { user_ms: 5 } })
  const left = [{ folder: '/tmp', bytes: 1, files: 1, names: ['q7Rk-very-secret-value-01.txt'] }]
  assert.deepEqual(usageRecord({ left }, redactor)?.left_in_memory?.[0]?.names, ['***.txt'])
})
