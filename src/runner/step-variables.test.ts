import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStepVariables } from './step-variables.ts'

const step = (name: string, role: string, isolation: 'namespace' | 'none' = 'namespace') => ({
  ...{ name, role, isolation },
})
const [build, test_, release] = [step('build', 'ci'), step('test', 'ci'), step('release', 'release')]

test('a variable is set for later steps in the same role and isolation, for no other; that is told once', () => {
  const variables = createStepVariables({ steps: [build, test_, release] })
  const told = variables.set(build, 'GITHUB_ENV', [{ name: 'VERSION', value: '1.2' }])
  assert.deepEqual(variables.of(test_), { VERSION: '1.2' })
  assert.deepEqual(variables.of(release), {})
  assert.deepEqual(variables.of(step('bare', 'ci', 'none')), {})
  assert.equal(told.length, 1)
  assert.match(told[0] ?? '', /^\$GITHUB_ENV sets variables for later steps in role "ci"; .*\("release"\)/)
  assert.deepEqual(variables.set(test_, 'GITHUB_ENV', [{ name: 'VERSION', value: '1.3' }]), [])
  assert.deepEqual(variables.of(build), { VERSION: '1.3' })
})

test('more than a program can be started with is left out by name', () => {
  const variables = createStepVariables({ steps: [build, test_] })
  const long = 'x'.repeat(70_000)
  const taken = [
    { name: 'A', value: long },
    { name: 'B', value: long },
    { name: 'A', value: long },
    { name: 'C', value: 'c' },
  ]
  assert.match(variables.set(build, 'GITHUB_ENV', taken).join('\n'), /^\$GITHUB_ENV: B is not set .*bytes$/)
  assert.deepEqual(Object.keys(variables.of(test_)), ['A', 'C'])
})
