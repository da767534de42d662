import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkoutSource } from './checkout.ts'

const job = { issuer: 'ci', repository: 'octo/app', commit: 'a'.repeat(40), ref_protected: true }
const one = { connection: 'git', url: 'https://git.test/octo/app' }
const two = { connection: 'mirror', url: 'https://mirror.test/octo/app' }

test('the run’s own commit comes from the one connection by which the role may read it, or from the one that is named', () => {
  const found = { url: one.url, commit: job.commit }
  assert.deepEqual(checkoutSource({ checkout: [one] }, job, {}, 'release'), found)
  assert.deepEqual(checkoutSource({ checkout: [one, two] }, job, { connection: 'git' }, 'release'), found)
  const long = { ...job, commit: 'b'.repeat(64) }
  assert.deepEqual(checkoutSource({ checkout: [one] }, long, {}, 'release'), {
    ...found,
    commit: long.commit,
  })
})

test('where it cannot be had, it says why and what to write', () => {
  const { repository: _, ...nameless } = job
  const { commit: __, ...headless } = job
  const wrongs = [
    [{ checkout: [] }, job, {}, /may not read octo\/app: add "git:read CONNECTION\/octo\/app" to its grants/],
    [{}, job, {}, /may not read octo\/app/],
    [{ checkout: [one, two] }, job, {}, /by git, mirror: say which one, checkout: { connection: git }/],
    [{ checkout: [one] }, job, { connection: 'mirror' }, /by git, and not by "mirror"/],
    [{ checkout: [one] }, headless, {}, /names no commit: clone the repository in the script/],
    [{ checkout: [one] }, { ...job, commit: 'HEAD' }, {}, /names no commit/],
    [{ checkout: [one] }, { ...job, commit: '--upload-pack=x' }, {}, /names no commit/],
    [{ checkout: [one] }, nameless, {}, /names no repository/],
  ] as const
  for (const [step, facts, wish, expected] of wrongs) {
    const why = checkoutSource(step, facts, wish, 'release')
    assert.ok(typeof why === 'string' && expected.test(why), JSON.stringify(why))
  }
})
