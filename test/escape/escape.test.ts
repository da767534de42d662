import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Attempt } from './attempt.ts'
import { attempts } from './attempts/index.ts'
import { isWhole } from '../whole.ts'
import { tryEscapes } from './suite.ts'
import type { Tier } from './tiers.ts'

/** Attempts that have to be found: the suite can fail. */
const planted: readonly Attempt[] = [
  {
    name: 'planted.reached',
    tries: 'reads what it may read, and calls it an escape',
    program: String.raw`-e "$ground{workspace}/README.md" and reached('its own workspace');`,
    control: 'machine',
  },
  {
    name: 'planted.broken',
    tries: 'is no program at all',
    program: 'this is (not perl',
    control: { none: 'it runs nowhere' },
  },
  {
    name: 'planted.outlives',
    tries: 'leaves a file behind',
    program: String.raw`held('it is looked at afterwards');`,
    control: 'machine',
    afterwards: () => 'it is there',
  },
]

for (const [where, isWanted] of [
  ['the sandbox, in any tier of this machine', ({ engine }) => engine === undefined],
  ['a container of podman', ({ engine }) => engine === 'podman'],
] as const satisfies readonly (readonly [string, (tier: Tier) => boolean])[])
  test(`no attempt gets out of ${where}; outside the same programs get through`, async (t) => {
    if (where === 'a container of podman' && !isWhole) return t.skip('npm run test:whole does it')
    const names = attempts.map(({ name }) => name)
    assert.equal(new Set(names).size, names.length)
    const { rows, missing } = await tryEscapes([...attempts, ...planted], isWanted)
    for (const why of missing) t.diagnostic(`not tried here: ${why}`)
    if (rows.length === 0) return t.skip(missing.join('; '))
    const isPlanted = ({ name }: { name: string }) => name.includes(': planted.')
    assert.ok(attempts.length >= 120, String(attempts.length))
    assert.deepEqual(
      rows.filter((row) => !row.ok && !isPlanted(row)).map(({ name, note }) => `${name}: ${note}`),
      [],
    )
    const found = rows.filter(isPlanted)
    assert.ok(found.length >= planted.length)
    assert.deepEqual(
      found.filter(({ ok }) => ok),
      [],
    )
  })

test('most attempts are shown to get through where nothing holds them', () => {
  const shown = attempts.filter(({ control }) => typeof control === 'string')
  assert.ok(shown.length >= 120, String(shown.length))
})
