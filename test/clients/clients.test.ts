import { after, before, describe, test } from 'node:test'
import { isWhole } from '../whole.ts'
import { missingOf } from './suite.ts'
import { readSuites } from './suites.ts'

// The fast form of `npm run clients`: the clients that this machine has, but for slow ones.
for (const one of await readSuites()) {
  describe(one.name, () => {
    const rows = one.rows.filter(({ slow }) => isWhole || (one.slow !== true && slow !== true))
    const able = rows.filter((row) => missingOf(one, row) === undefined)
    let world: AsyncDisposable | undefined
    before(async () => {
      if (able.length > 0) world = await one.open()
    })
    after(() => world?.[Symbol.asyncDispose]())
    for (const row of rows)
      test(row.name, { skip: missingOf(one, row) ?? false }, async () => {
        if (world !== undefined) await row.run(world)
      })
  })
}
