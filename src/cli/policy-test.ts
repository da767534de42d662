import { formatProblem } from '../config/index.ts'
import { failedTests } from '../rules/index.ts'
import { exitCodes, print } from './output.ts'
import { readCompiled } from './policy-input.ts'

export async function testPolicy(path: string, options: { json: boolean }): Promise<number> {
  const compiled = readCompiled(path)
  const failures = failedTests(compiled)
  const count = compiled.tests.length
  const summary =
    count === 0
      ? 'there are no tests: write some under tests:, or in policies/*.test.yaml'
      : failures.length === 0
        ? `${count} ${count === 1 ? 'test' : 'tests'} passed`
        : `${failures.length} failures in ${count} tests`
  print(options.json, { tests: count, failures }, [...failures.map(formatProblem), summary])
  return failures.length === 0 ? exitCodes.ok : exitCodes.refused
}
