import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { BundleVectors } from './bundle-vectors.fixture.ts'
import { openTrustDocument, verifyBundle } from './index.ts'

const path = join(import.meta.dirname, '../../../test/fixtures/attest/bundles.json')
const { root, trusts, bundles, documents } = JSON.parse(readFileSync(path, 'utf8')) as BundleVectors

test('of each bundle of the vectors the verdict is the one that is written down', () => {
  const opened = trusts.map((one) => openTrustDocument(one, [root]))
  for (const { name, reason, trust, now, bundle, file } of bundles) {
    const by = opened[trust]
    assert.ok(by?.ok, name)
    const found = verifyBundle(bundle, by.trust, { nowMs: Date.parse(now) })
    const digest = file === undefined ? undefined : createHash('sha256').update(file).digest('hex')
    const isOther = found.ok && digest !== Buffer.from(found.message?.digest ?? []).toString('hex')
    const said = found.ok ? 'right' : found.reason
    assert.equal(file !== undefined && isOther ? 'other_message' : said, reason, name)
  }
})

test('of each trust document of the vectors, too', () => {
  for (const { name, reason, now, envelope, before } of documents) {
    const nowMs = Date.parse(now)
    const earlier = before === undefined ? undefined : openTrustDocument(before, [root], { nowMs })
    if (earlier?.ok === false) assert.fail(`${name}: ${earlier.detail}`)
    const options = { nowMs, minVersion: earlier?.version ?? 0 }
    const found = openTrustDocument(envelope, earlier?.root ?? [root], options)
    assert.equal(found.ok ? 'right' : found.reason, reason, name)
  }
})
