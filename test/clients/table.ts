import { runSuite, type Outcome, type Suite } from './suite.ts'

/** Runs the suites that the command line names, or all: a line a row, or with `--json` one object. The exit code says whether all work. */
export async function printTable(suites: readonly Suite[]): Promise<void> {
  const asked = process.argv.slice(2).filter((one) => one !== '--json')
  const asJson = process.argv.includes('--json')
  const rows: Outcome[] = []
  for (const one of suites) {
    if (asked.length > 0 && !asked.includes(one.name)) continue
    await runSuite(one, (outcome) => {
      rows.push(outcome)
      if (!asJson)
        process.stdout.write(
          `${outcome.ok ? 'works' : 'FAILS'}  ${outcome.name.padEnd(44)}  ${outcome.note}\n`,
        )
    })
  }
  if (asJson) process.stdout.write(`${JSON.stringify({ rows })}\n`)
  if (rows.length === 0 || rows.some(({ ok }) => !ok)) process.exitCode = 1
}
