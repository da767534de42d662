import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createAllowList, findingsIn, type AllowEntry, type Found, type Looked } from './index.ts'
import { hitOn, lookedAt } from './looked.fixture.ts'

const nowMs = Date.parse('2026-11-29T12:00:00Z')
const secret = 'acme_Zk3vQ9pLw2Xy7RtB'
const options = { nowMs, allow: createAllowList([], nowMs) }
const found = (looked: Looked, hits: readonly Found[], more: object = {}) =>
  findingsIn(looked, hits, { ...options, ...more }).findings
const only = (looked: Looked, hits: readonly Found[], more: object = {}) => {
  const [first, ...rest] = found(looked, hits, more)
  assert.ok(first !== undefined && rest.length === 0)
  return first
}

test('a finding has its place, its line without the secret, and a fingerprint that moves with it', () => {
  const looked = lookedAt(`# settings\nexport TOKEN="${secret}" # für alle\n`)
  const finding = only(looked, [hitOn(looked, secret)])
  assert.deepEqual(
    [finding.start, finding.end],
    [
      { line: 2, column: 15 },
      { line: 2, column: 36 },
    ],
  )
  assert.equal(finding.excerpt, 'export TOKEN="acme****" # für alle')
  const moved = lookedAt(`\n\n\n  x: ${secret}\n`, { name: 'other.yaml' })
  assert.equal(only(moved, [hitOn(moved, secret)]).fingerprint, finding.fingerprint)
  assert.notEqual(
    only(looked, [hitOn(looked, secret, { id: 'other-token' })]).fingerprint,
    finding.fingerprint,
  )
  assert.match(finding.fingerprint, /^[0-9a-f]{32}$/)
})

test('of several rules for the same bytes the surest says it', () => {
  const looked = lookedAt(`url=https://u:${secret}@host\n`)
  const generic = hitOn(looked, `u:${secret}`, { id: 'generic', confidence: 'certain', generic: true })
  const hits = [
    hitOn(looked, `https://u:${secret}@host`, { id: 'address-password', confidence: 'possible' }),
    generic,
    hitOn(looked, secret, { id: 'acme-token', confidence: 'certain', checked: true }),
  ]
  for (const order of [hits, hits.toReversed()]) {
    const finding = only(looked, order)
    assert.equal(finding.rule, 'acme-token')
    assert.deepEqual(finding.alsoFoundBy.toSorted(), ['address-password', 'generic'])
  }
})

test('what begins in the context is hidden, and is a finding elsewhere', () => {
  const other = 'hunter2hunter2hunter2'
  const looked = lookedAt(`a=${other} b=${secret} c=${other}`, { from: 20, to: 50 })
  const hits = [hitOn(looked, other), hitOn(looked, secret), hitOn(looked, other, { nth: 1 })]
  assert.equal(only(looked, hits).excerpt, 'a=hunt**** b=acme**** c=hunt****')
})

test('a short secret shows nothing, its copies neither, nor what looks like a further one', () => {
  const looked = lookedAt(`pw=hunter2! or hunter2! id=abcdef0123456789abcdef99 n=a_long_name_of_a`)
  assert.equal(
    only(looked, [hitOn(looked, 'hunter2!')]).excerpt,
    'pw=**** or **** id=**** n=a_long_name_of_a',
  )
})

test('a short secret within a longer one is not shown by the longer one', () => {
  const looked = lookedAt(`abcd${secret}`)
  const hits = [hitOn(looked, `abcd${secret}`), hitOn(looked, 'bcd', { id: 'other' })]
  assert.equal(only(looked, hits).excerpt, '****')
})

test('control characters, and those that turn a line around, are shown as what they are', () => {
  const looked = lookedAt(`\u001b[2J\u202ekey=${secret}\r\u0007\u009b`)
  const { excerpt } = only(looked, [hitOn(looked, secret)])
  assert.equal(excerpt, '\\u001b[2J\\u202ekey=acme****\\u000d\\u0007\\u009b')
})

test('the end of a line of Windows is no part of it', () => {
  for (const behind of ['', ' # x']) {
    const looked = lookedAt(`key=${secret}${behind}\r\nnext\r\n`)
    assert.equal(only(looked, [hitOn(looked, secret)]).excerpt, `key=acme****${behind}`)
  }
})

test('of what is known the characters of base64 at its edges are hidden, too', () => {
  const form = Buffer.from(`u:${secret}`).toString('base64')
  const inner = form.slice(3).replace(/=+$/, '').slice(0, -1)
  for (const behind of ['', ' # x']) {
    const looked = lookedAt(`basic ${form}${behind}\n`)
    const hit = { ...hitOn(looked, inner), known: { fingerprint: 'a'.repeat(32), secret: 'deploy' } }
    assert.equal(only(looked, [hit]).excerpt, `basic ${form.slice(0, 1)}****${behind}`)
  }
})

test('of a binary file only the text without a gap is shown', () => {
  const looked = lookedAt(
    Buffer.concat([Buffer.from([1, 2, 200]), Buffer.from(`key=${secret};`), Buffer.from([0])]),
    {
      isBinary: true,
    },
  )
  assert.equal(only(looked, [hitOn(looked, secret)]).excerpt, 'key=acme****;')
})

test('a minified line is cut at words, a secret of many lines ends with its mask', () => {
  const looked = lookedAt(`${'x'.repeat(500)},k="${secret}",${'y9Z'.repeat(500)}`)
  assert.equal(only(looked, [hitOn(looked, secret)]).excerpt, ',k="acme****",')
  const pem = 'BEGIN KEY\nMIIabc\nMIIdef\nEND KEY'
  const long = lookedAt(`key: |\n  ${pem}\nnext: line`)
  const finding = only(long, [hitOn(long, pem)])
  assert.equal(finding.excerpt, 'BEGI****')
  assert.equal(finding.end.line, 5)
})

test('more findings than a person reads are counted', () => {
  const looked = lookedAt(`${secret}\n`.repeat(1_200))
  const hits = Array.from({ length: 1_200 }, (_, nth) => ({
    ...hitOn(looked, secret),
    ...{ start: nth * 22, end: nth * 22 + 21 },
  }))
  const { findings, more } = findingsIn(looked, hits, options)
  assert.deepEqual([findings.length, more], [1_000, 200])
})

test('whatever is around, no excerpt has more than four bytes of a secret that was found', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', '=', ' ', '\n', 'é', '\u001b', '7', 'Q', '"'),
    maxLength: 120,
  })
  const token = fc.string({
    unit: fc.constantFrom('B', 'k', '3', 'ß', '_', '-', '\n'),
    minLength: 5,
    maxLength: 60,
  })
  const spans = fc.array(fc.tuple(text, token), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(spans, fc.boolean(), (parts, isBinary) => {
      const looked = lookedAt(parts.flat().join(''), { isBinary })
      let at = 0
      const hits = parts.map(([before, value]) => {
        const start = at + Buffer.byteLength(before)
        at = start + Buffer.byteLength(value)
        return { rule: { id: 'x', confidence: 'likely' as const }, start, end: at, checked: false }
      })
      for (const { excerpt } of found(looked, hits))
        for (const [, value] of parts) {
          // What is around may have the same bytes by chance, but not these letters.
          const shown = value.length < 16 ? 5 : 6
          for (let i = 0; i + shown <= value.length; i++) {
            const piece = value.slice(i, i + shown)
            if (!/[\n]/.test(piece))
              assert.ok(!excerpt.includes(piece), `${JSON.stringify(excerpt)} ${piece}`)
          }
        }
    }),
  )
})

const allowing = (entry: Partial<AllowEntry>) => ({
  allow: createAllowList([{ reason: 'example of our docs', ...entry }], nowMs),
})

const of = (of: 'secret' | 'line' | 'file', pattern: string) => ({ of, pattern })

test('an allow list accepts what has all that it names, and says why', () => {
  const looked = lookedAt(`k=${secret}`, { name: 'docs/guide.md' })
  const hits = [hitOn(looked, secret)]
  const { fingerprint } = only(looked, hits)
  const accepts = (entry: Partial<AllowEntry>) => only(looked, hits, allowing(entry)).accepted?.reason
  const yes: Partial<AllowEntry>[] = [
    ...[{ paths: ['docs/*'] }, { values: ['acme_Zk*'] }, { fingerprints: [fingerprint] }],
    ...[{ rules: ['acme-token'] }, { paths: ['src/*', 'docs/guide.md'], rules: ['acme-token'] }],
    { values: [secret], untilMs: nowMs + 1 },
    ...[{ words: ['ZK3V'] }, { expressions: [of('line', '^k=')] }],
    {
      expressions: [of('secret', '^acme_'), of('file', '[.]md$')],
    },
    { words: ['none'], expressions: [of('file', '^docs/')], isAny: true, rules: ['acme-token'] },
  ]
  const no: Partial<AllowEntry>[] = [
    ...[{}, { paths: ['docs'] }, { values: ['acme'] }, { rules: ['acme'] }, { fingerprints: ['00'] }],
    ...[{ expressions: [] }, { words: [] }, { expressions: [of('secret', '^k=')] }],
    {
      expressions: [of('secret', '^acme_'), of('file', '[.]ts$')],
    },
    { words: ['zk3v'], isAny: true, rules: ['other'] },
    ...[{ paths: ['docs/*'], rules: ['other'] }, { paths: [] }, { values: [secret], untilMs: nowMs }],
  ]
  for (const entry of yes) assert.equal(accepts(entry), 'example of our docs', JSON.stringify(entry))
  for (const entry of no) assert.equal(accepts(entry), undefined, JSON.stringify(entry))
})

test('what a check says is told beside what a comment says', () => {
  const looked = lookedAt(`k=${secret} # mayfly: ignore me`)
  const hit = { ...hitOn(looked, secret), note: 'of account 42\u001b' }
  assert.match(only(looked, [hit]).note ?? '', /^of account 42\\u001b; the ignore comment is not in its form/)
})

test('gitleaks:allow counts for nothing unless somebody asks for it', () => {
  const looked = lookedAt(`k=${secret} # gitleaks:allow\n`)
  const hits = [hitOn(looked, secret)]
  assert.equal(only(looked, hits).accepted, undefined)
  assert.equal(only(looked, hits, { gitleaksAllow: true }).accepted?.by, 'comment')
})
