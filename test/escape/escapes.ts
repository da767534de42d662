import { tryEscapes } from './suite.ts'

/** `npm run escapes`: a table of every attempt in every tier; `-- --json` prints one object. Fails if one is not as expected. */
const { rows, missing } = await tryEscapes()
const bad = rows.filter(({ ok }) => !ok)
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ rows })}\n`)
else {
  const widest = Math.max(0, ...rows.map(({ name }) => name.length))
  for (const { name, ok, note } of rows)
    process.stdout.write(`${ok ? 'held ' : 'OPEN '}  ${name.padEnd(widest)}  ${note}\n`)
  process.stdout.write(`${rows.length} attempts, ${bad.length} not as expected\n`)
}
for (const why of missing) process.stderr.write(`escapes: not tried here: ${why}\n`)
for (const { name, note } of bad) process.stderr.write(`escapes: ${name}: ${note}\n`)
if (bad.length > 0 || rows.length === 0) process.exitCode = 1
