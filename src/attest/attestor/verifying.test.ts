import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Trust } from '../verify/index.ts'
import { createVerifying, type VerifyingDeps } from './verifying.ts'

const nobody: Trust = {
  ...{ authorities: [], timestampAuthorities: [], logs: [], certificateLogs: [], keys: [], revoked: [] },
}
const never = () => Promise.reject(new Error('nothing is signed here'))

/** Of each artifact the server has pages without an end, whose bundles `textOf` gives. */
function endless(textOf: (page: number) => string) {
  const asked = { pages: 0 }
  const deps: VerifyingDeps = {
    clock: { nowMs: () => 0 },
    rows: {} as VerifyingDeps['rows'],
    ...{ url: () => 'https://mayfly.test', version: '1.0.0', signer: never, signed: never },
    trust: async () => nobody,
    checkLimits: { bundles: 10, bytes: 1_000_000 },
    async *about() {
      for (let page = 0; page < 100; page++) {
        asked.pages++
        const bundle = textOf(page)
        yield [
          { id: 'att_1', kind: 'provenance', predicateType: undefined, bundle, logIndex: 0, createdMs: 0 },
        ] as unknown as never
      }
    },
  }
  return { asked, verify: createVerifying(deps) }
}

const request = (count: number, bundles: readonly string[] = []) => ({
  artifacts: Array.from({ length: count }, (_, i) => ({ digest: `sha256:${String(i).padStart(64, '0')}` })),
  demands: { role: 'build' },
  policy: { uri: 'urn:x', sha256: '0'.repeat(64) },
  ...{ bundles, trustedRoots: [], sign: 'never' as const, asked: {} },
})

test('one request is given so many bundles, whatever it asks about, and is told that there are more', async () => {
  const { asked, verify } = endless((page) => `{"page":${page}}`)
  const answers = await verify(request(3, ['[1]', '[2]']))
  // Eight are left: the ninth page is one too many. Of the other artifacts the same pages are known already.
  assert.deepEqual([asked.pages, answers.length], [27, 3])
  for (const { ok, reasons } of answers) {
    assert.equal(ok, false)
    assert.ok(reasons.some((reason) => /more attestations about it than are looked at/.test(reason)))
  }
})

test('the same bundle takes its part once', async () => {
  const { asked, verify } = endless(() => '{"one":1}')
  const [answer] = await verify(request(1, ['{"one":1}', '{"one":1}']))
  assert.equal(asked.pages, 100)
  assert.ok(answer?.reasons.every((reason) => !/more attestations/.test(reason)))
})
