import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTrustedRoot } from '../../attest/verify/index.ts'
import { createWorld } from '../../attest/verify/world.fixture.ts'
import { hex, signed, sourceOf } from './attest.fixture.ts'
import { readFound } from './bundles.ts'
import { markdownLines, textLines } from './outline.ts'
import { tellTree } from './tell-tree.ts'
import { isVerified } from './show.ts'
import { treeJson } from './tree-json.ts'
import { readTree } from './tree.ts'

const material = (uri: string, by: string, digit: string) => ({
  ...{ uri, by, digest: { sha256: hex(digit) }, connection: 'npm' },
})

test('from an image back: step, run, commit, people, dependencies, and the steps whose files it took', async () => {
  const materials = [
    material('pkg:npm/left@1.0.0', 'lockfile', '7'),
    material('pkg:npm/right@2.0.0', 'none', '8'),
    material('pkg:pypi/requests@2.0', 'registry', '9'),
  ]
  const { source } = await signed([
    { id: 'stp_build', makes: { 'dist/app.tgz': hex('a') }, facts: { materials } },
    { id: 'stp_release', makes: { 'out/image.tar': hex('b') }, takes: { 'dist/app.tgz': hex('a') } },
  ])
  const node = await readTree(source, hex('b'))
  const lines = textLines(tellTree(node, { all: false })).join('\n')
  assert.match(
    lines,
    new RegExp(`^sha256:${hex('b')}  out/image.tar\\n  verified: signed \\d{4}-.* by https://github`),
  )
  assert.match(lines, /step "[^"]+" \(stp_release\) in role release, tier B \(\w+\)/)
  assert.match(lines, /run run_0123.* \(CI run 9183, attempt 1, job release, of https:\/\/token/)
  assert.match(lines, /triggered by per_0123456789abcdefghjkmnpq, push/)
  assert.match(lines, /commit c0ffee5a\w+ of octo-org\/app \(id 1296269\) at refs\/tags\/v1\.2\.0/)
  assert.match(lines, /approved by per_zyxw\w+: session, 2026-/)
  assert.match(
    lines,
    /\n  from earlier steps of the run, 1:\n    sha256:a{64}  dist\/app\.tgz\n      verified: signed/,
  )
  assert.match(
    lines,
    /dependencies: \d+ \(.*2 npm.*\); 1 UNVERIFIED\n +pkg:npm\/right@2\.0\.0 +sha256:8{64} +UNVERIFIED/,
  )
  assert.doesNotMatch(lines, /pkg:npm\/left/)
  assert.match(
    textLines(tellTree(node, { all: true })).join('\n'),
    /pkg:npm\/left@1\.0\.0 +sha256:7{64} +by lockfile/,
  )
  const json = JSON.stringify(treeJson(node))
  assert.match(json, /"verified":true.*"inputs":\[\{"digest":"sha256:a{64}"/)
})

test('what is signed by somebody else, or about something else, is told as unverified', async () => {
  const { trust, bundles, source } = await signed([{ makes: { a: hex('a') } }])
  const [bundle = ''] = bundles
  const foreign = await signed([{ makes: { a: hex('a') } }], await createWorld())
  const broken = JSON.parse(bundle) as { dsseEnvelope: { payload: string } }
  broken.dsseEnvelope.payload = Buffer.from(
    Buffer.from(broken.dsseEnvelope.payload, 'base64').toString().replace('octo-org/app', 'evil-org/app'),
  ).toString('base64')
  for (const one of [foreign.bundles[0], broken]) {
    const node = await readTree(sourceOf([readFound(one, trust)]), hex('a'))
    const [, second] = textLines(tellTree(node, { all: false }))
    assert.match(second ?? '', /^ {2}UNVERIFIED: /)
    assert.match(JSON.stringify(treeJson(node)), /"verified":false/)
  }
  // A server that answers with another's attestation.
  const lying = { ...source, byDigest: () => source.byDigest(hex('a')) }
  const lied = textLines(tellTree(await readTree(lying, hex('c')), { all: false }))
  assert.match(
    lied.join('\n'),
    /nothing is known about it\n {2}UNVERIFIED: 1 attestations were found for it that are/,
  )
  assert.deepEqual(textLines(tellTree(await readTree(source, hex('d')), { all: false })), [
    `sha256:${hex('d')}: nothing is known about it`,
  ])
})

test('what cannot be read as provenance, or is one too many to show, counts all the same: unsigned it is not verified', async () => {
  const { trust, bundles } = await signed([{ makes: { a: hex('a') } }])
  const good = readFound(bundles[0], trust)
  const payload = Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'a', digest: { sha256: hex('a') } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: null,
    }),
  ).toString('base64')
  const unsigned = readFound({ mediaType: 'x', dsseEnvelope: { payload } }, trust)
  assert.equal(unsigned.provenance, undefined)
  const verified = async (...found: readonly (typeof good)[]) =>
    isVerified(await readTree(sourceOf([...found]), hex('a')))
  assert.equal(await verified(good), true)
  assert.equal(await verified(unsigned), false)
  assert.equal(await verified(good, unsigned), false)
  const forged = { ...good, verdict: { ok: false, why: 'forged' } } as const
  const many = Array.from({ length: 6 }, () => ({ ...good }))
  assert.equal(await verified(...many), true)
  assert.equal(await verified(...many, forged), false)
  // Whoever has said more before does not hide the one that holds.
  const node = await readTree(sourceOf([good, ...Array.from({ length: 6 }, () => ({ ...forged }))]), hex('a'))
  assert.equal(node.builds[0]?.found, good)
})

test('a script is shown line by line, so that none of its lines looks like a verdict; what a CI does not say leaves no gap', async () => {
  const lines = [
    'set -e',
    '',
    'verified: signed by somebody',
    ...Array.from({ length: 30 }, (_, i) => `echo ${i}`),
  ]
  const { trust, world, found } = await signed([{ makes: { a: hex('a') } }])
  const statement = JSON.parse(JSON.stringify(found[0]?.statement)) as {
    predicate: {
      buildDefinition: Record<'externalParameters' | 'internalParameters', Record<string, unknown>>
    }
  }
  const { externalParameters: external, internalParameters: internal } = statement.predicate.buildDefinition
  external['script'] = { text: lines.join('\r\n') }
  Object.assign(internal, { ciRun: { job: '' }, issuer: {} })
  const bundle = await world.bundle({ statement: Buffer.from(JSON.stringify(statement)) })
  const tree = await readTree(sourceOf([readFound(bundle, trust)]), hex('a'))
  const told = (all: boolean) => textLines(tellTree(tree, { all })).map((line) => line.trim())
  const shown = told(false)
  const from = shown.indexOf('ran a script of 32 lines:')
  assert.deepEqual(shown.slice(from + 1, from + 3), ['| set -e', '| verified: signed by somebody'])
  assert.equal(shown[from + 21], 'and 12 more lines: --all')
  assert.ok(told(true).includes('| echo 29'))
  assert.ok(
    shown.some((line) => /^run run_\w+, triggered by /.test(line)),
    shown.join('\n'),
  )
})

test('circles are told, and no chain is followed for ever', async () => {
  const { source } = await signed([
    { makes: { a: hex('a') }, takes: { b: hex('b') } },
    { makes: { b: hex('b') }, takes: { a: hex('a') } },
  ])
  const circle = textLines(tellTree(await readTree(source, hex('a')), { all: false }))
  assert.ok(
    circle.some((line) =>
      line.endsWith(
        `sha256:${hex('a')}: not followed again: it stands above, as if it were made from itself`,
      ),
    ),
  )
  const [base] = (await signed([{ makes: { a: hex('a') }, takes: { b: hex('b') } }])).found
  assert.ok(base?.statement !== undefined && base.provenance !== undefined)
  let asked = 0
  const endless = {
    ...source,
    async byDigest(sha256: string) {
      asked++
      const next = (n: number) =>
        (BigInt(`0x${sha256}`) + BigInt(n)).toString(16).padStart(64, '0').slice(-64)
      const statement = { ...base.statement, subject: [{ digest: { sha256 } }] }
      const inputs = [1, 2, 3].map((n) => ({
        name: 'x',
        digest: { sha256: next(n) },
        annotations: { from: 'run' },
      }))
      return [
        { ...base, statement, provenance: { ...base.provenance, resolvedDependencies: inputs } },
      ] as never
    },
  }
  const lines = textLines(tellTree(await readTree(endless, hex('1')), { all: true }))
  assert.ok(asked <= 500, String(asked))
  assert.ok(lines.some((line) => line.includes('not followed: too far from the first')))
})

test('what a step or a branch is called moves no cursor, reorders no line and is no markup', async () => {
  const evil = '\u202e\x1b[2K**b** `x` <img>\n# y'
  const { source, trust, world } = await signed([{ makes: { a: hex('a') } }])
  const [good] = await source.byDigest(hex('a'))
  const text = JSON.stringify(good?.statement).replaceAll('"refs/tags/v1.2.0"', JSON.stringify(evil))
  const bundle = await world.bundle({ statement: Buffer.from(text) })
  const tree = await readTree(sourceOf([readFound(bundle, trust)]), hex('a'))
  const outline = tellTree(tree, { all: true })
  const plain = textLines(outline)
  assert.match(plain.join('\n'), /verified: /)
  assert.ok(
    plain.some((line) => line.includes('at \\u202e\\u001b[2K**b**')),
    plain.join('\n'),
  )
  const markdown = markdownLines(outline)
  const marked = markdown.join('\n')
  assert.ok(marked.includes('\\*\\*b\\*\\* \\`x\\` \\<img\\> \\# y'), marked)
  for (const shown of [...plain, ...markdown]) assert.doesNotMatch(shown, /[\x00-\x1f\u202e]/) // eslint-disable-line no-control-regex
})

test('what a verification summary says is told, and what it does not say, with a terminal that obeys none of it', async () => {
  const { world } = await signed([])
  const summaryOf = async (predicate: object) => {
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ digest: { sha256: 'a'.repeat(64) } }],
      predicateType: 'https://slsa.dev/verification_summary/v1',
      predicate,
    }
    const bundle = await world.bundle({ statement: Buffer.from(JSON.stringify(statement)) })
    return readFound(bundle, parseTrustedRoot(world.trustedRoot))
  }
  const whole = await summaryOf({
    ...{ verificationResult: 'FAILED', verifiedLevels: ['FAILED'], resourceUri: 'pkg:npm/app\u001b[2J' },
    ...{ verifier: { id: 'https://m.example/verifier' }, policy: { uri: 'file:///p' }, timeVerified: 'now' },
  })
  const node = await readTree(sourceOf([whole, await summaryOf({ verifiedLevels: 3 })]), 'a'.repeat(64))
  const lines = textLines(tellTree(node, { all: false })).map((line) => line.trim())
  assert.deepEqual(
    lines.filter((line) => /^(?:FAILED|of|\?)/.test(line)),
    [
      ...['FAILED, FAILED, by https://m.example/verifier, now', 'of pkg:npm/app\\u001b[2J, under file:///p'],
      ...['?, no level, by ?, ?', 'of ?, under ?'],
    ],
  )
})
