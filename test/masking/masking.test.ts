import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../../src/lib/index.ts'
import { createMasker, type Masker } from '../../src/mask/index.ts'
import { createCases, pieces, someSecrets, type MaskingCase } from './cases.ts'
import { createRandom, type Random } from './random.ts'

// `npm run test:masking` makes a million; a seed that it prints has its cases again.
const count = Number(process.env['MAYFLY_MASKING_CASES'] ?? 5_000)
const seed = Number(process.env['MAYFLY_MASKING_SEED'] ?? 20_261_128)
const casesPerJob = 400
const secretsPerJob = 6

function shown(masker: Masker, random: Random, { output, formAt }: MaskingCase): Buffer {
  const stream = masker.stream()
  const parts: Buffer[] = []
  let at = 0
  for (const piece of pieces(random, output)) {
    parts.push(stream.write(piece))
    at += piece.length
    // Within a form it may show how a run of base64 begins, which says nothing: fuzz.test.ts flushes anywhere.
    if (at <= formAt && random.below(10) === 0) parts.push(stream.flushIdle())
  }
  return Buffer.concat([...parts, stream.end()])
}

test(`${count} outputs: no form of a secret is missed, and nothing else is masked`, () => {
  const wrong = new Map<string, { count: number; example: string }>()
  for (let made = 0, job = 0; made < count; job++) {
    const random = createRandom(seed + job)
    const secrets = someSecrets(random, secretsPerJob)
    const masker = createMasker(secrets.map((secret) => new Secret(secret)))
    assert.deepEqual(masker.refused, [])
    const next = createCases(random, secrets)
    for (let i = 0; i < casesPerJob && made < count; i++, made++) {
      const one = next()
      const got = shown(masker, random, one)
      if (got.equals(one.expected)) continue
      const what = `${one.expected.equals(one.output) ? 'masked' : 'missed'}: ${one.form}`
      const known = wrong.get(what)
      const example = `seed ${seed + job}: ${JSON.stringify(one.output.toString())} became ${JSON.stringify(got.toString())}`
      wrong.set(what, { count: (known?.count ?? 0) + 1, example: known?.example ?? example })
    }
  }
  const report = [...wrong].map(([what, { count: times, example }]) => `${what}, ${times} times; ${example}`)
  assert.equal(wrong.size, 0, report.join('\n'))
})
