import { after, before, describe, test } from 'node:test'
import { missingOf } from './suite.ts'
import { readSuites } from './suites.ts'

// The fast form of `npm run clients`: the clients that this machine has.
for (const one of await readSuites()) {
  describe(one.name, () => {
    const able = one.rows.filter((row) => missingOf(one, row) === undefined)
    let world: AsyncDisposable | undefined
    before(async () => {
      if (able.length > 0) world = await one.open()
    })
    after(() => world?.[Symbol.asyncDispose]())
    for (const row of one.rows)
      test(row.name, { skip: missingOf(one, row) ?? false }, async () => {
        if (world !== undefined) await row.run(world)
      })
  })
}
