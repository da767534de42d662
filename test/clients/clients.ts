import { runSuite, type Outcome } from './suite.ts'
import { readSuites } from './suites.ts'

/**
 * `npm run clients [-- SUITE ...]`: real clients, unmodified, in a step, against real servers; a table, or with `--json` one
 * object. Fails if a row does; one that cannot run here is a row that says so.
 */
const asked = process.argv.slice(2).filter((one) => one !== '--json')
const asJson = process.argv.includes('--json')
const rows: Outcome[] = []
for (const one of await readSuites()) {
  if (asked.length > 0 && !asked.includes(one.name)) continue
  await runSuite(one, (outcome) => {
    rows.push(outcome)
    if (!asJson)
      process.stdout.write(`${outcome.ok ? 'works' : 'FAILS'}  ${outcome.name.padEnd(44)}  ${outcome.note}\n`)
  })
}
if (asJson) process.stdout.write(`${JSON.stringify({ rows })}\n`)
if (rows.length === 0 || rows.some(({ ok }) => !ok)) process.exitCode = 1
