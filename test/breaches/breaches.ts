import { fileURLToPath } from 'node:url'
import { inOwnInternet } from './namespace.ts'
import { planted } from './cases/planted.ts'
import { breaches, replay } from './suite.ts'

/**
 * `npm run breaches`: the cases, replayed without Mayfly and with it; `-- 3 20` these two, `-- --json` prints one object. Fails if
 * one is not contained.
 */
const args = process.argv.slice(2)
const folder = process.env['MAYFLY_BREACHES']
if (folder === undefined) process.exitCode = await inOwnInternet(fileURLToPath(import.meta.url), args)
else await print(folder)

async function print(world: string): Promise<void> {
  const numbers = args.filter((word) => /^\d+$/.test(word)).map(Number)
  const chosen = breaches.filter(({ number }) => numbers.length === 0 || numbers.includes(number))
  const rows = await replay(world, args.includes('--planted') ? [planted, ...chosen] : chosen)
  if (args.includes('--json')) process.stdout.write(`${JSON.stringify({ rows })}\n`)
  else
    for (const { name, ok, note } of rows)
      process.stdout.write(`${ok ? 'contained' : 'NOT      '}  ${name}\n             ${note}\n`)
  if (rows.some(({ ok }) => !ok)) process.exitCode = 1
}
