import { imageRows } from './image.ts'
import { absentRows, ask, missingOf, nameOf, questions, type Row } from './table.ts'

/**
 * `npm run verifiers`: what verifiers that others wrote say of our attestations, and of each thing that may be wrong with one; a line
 * a row, or with `--json` one object. Fails if one of them, or ours, says otherwise than it should.
 */
const asJson = process.argv.includes('--json')
const rows: Row[] = []
const tell = (row: Row) => {
  rows.push(row)
  if (!asJson) process.stdout.write(`${row.ok ? 'right' : 'WRONG'}  ${row.name.padEnd(86)}  ${row.note}\n`)
}
for (const { verifier, one } of await questions()) {
  const missing = missingOf(verifier)
  tell(
    missing === undefined
      ? await ask(verifier, one)
      : { name: nameOf(verifier, one), ok: false, note: missing },
  )
}
for (const row of await imageRows()) tell(row)
absentRows().forEach(tell)
if (asJson) process.stdout.write(`${JSON.stringify({ rows })}\n`)
if (rows.some(({ ok }) => !ok)) process.exitCode = 1
