import { after, before, describe, test } from 'node:test'
import { missingOf } from '../clients/suite.ts'
import { readSuites } from '../clients/suites.ts'
import { isWhole } from '../whole.ts'

// `npm run clients:deploy` as a test; its servers take long to start.
for (const one of await readSuites(new URL('./rows/', import.meta.url))) {
  describe(one.name, { skip: isWhole ? false : 'npm run test:whole' }, () => {
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
