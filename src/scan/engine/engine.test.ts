import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileRules, searchStream } from './index.ts'
import type { Rule } from './model.ts'
import { regExpOf } from './reference.fixture.ts'
import { ruleOf } from './rules.fixture.ts'

function secretsIn(rules: readonly Rule[], text: string | Buffer): string[] {
  const bytes = Buffer.from(text)
  const secrets: string[] = []
  compileRules(rules).find(bytes, ({ start, end }) => secrets.push(bytes.subarray(start, end).toString()))
  return secrets
}

/** By JavaScript's own matcher, over the whole. */
function secretsPlainly(rule: Rule, text: string): string[] {
  const pattern = regExpOf(rule.pattern, rule.ignoreCase === true, 'dg')
  const secrets: string[] = []
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const bounds = match.indices?.slice(1).find((one) => one !== undefined && one[1] > one[0])
    const [start, end] = bounds ?? [match.index, match.index + match[0].length]
    if (end > start) secrets.push(text.slice(start, end))
    pattern.lastIndex = Math.max(end, start + 1)
  }
  return secrets
}

const unit = fc.constantFrom('[ab.]', '[^k]', 'a', '\\.', '\\w', '(?:a|bk)', '(?:ab|\\.b?)', '[k.]')
const count = fc.constantFrom('', '', '?', '*', '+', '{2}', '{1,3}', '{0,2}?', '+?')
const edge = fc.constantFrom('', '', '', '\\b', '\\B', '(?:^|[^a])', '(?m:^)')
const end = fc.constantFrom('', '', '', '\\b', '$', '(?:[^b]|$)', '(?m:$)')
const parts = fc
  .array(fc.tuple(unit, count), { maxLength: 3 })
  .map((all) => all.map(([one, many]) => one + many).join(''))
const lead = fc.constantFrom('', '', 'a', '[ab]', '[^k]{2}', '[.a]{0,3}')
const text = fc
  .array(fc.constantFrom('a', 'b', '.', 'K', '\n', 'kab', 'kab', 'kaba.', 'aa'), { maxLength: 14 })
  .map((all) => all.join(''))

test('finds what a plain matcher finds over the whole text', () => {
  let hits = 0
  fc.assert(
    fc.property(edge, lead, parts, end, text, fc.boolean(), (before, lead, tail, after, text, folded) => {
      const pattern = `${before}(${lead}kab${tail})${after}`
      const rule = ruleOf({ keywords: ['kab'], pattern, ...(folded ? { ignoreCase: true } : {}) })
      const plain = secretsPlainly(rule, text)
      hits += plain.length
      assert.deepEqual(secretsIn([rule], text), plain, pattern)
    }),
    { numRuns: 1500 },
  )
  assert.ok(hits > 250, `only ${hits} hits`)
})

test('finds in a stream what it finds in the whole, however it is cut', () => {
  const text = fc.array(fc.constantFrom('kaba', 'kabb.', '.', 'xyz', 'a', 'kab1'), { maxLength: 60 })
  const engine = compileRules([
    ruleOf({ keywords: ['kab'], pattern: '(?:^|[^a])(kab[a-z]{1,4})(?:[^a-z]|$)', reach: 8 }),
  ])
  const filler = Buffer.alloc(1_048_576 - 40, '-')
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 1_048_700 }), (parts, size) => {
      const bytes = Buffer.concat([filler, Buffer.from(parts.join(''))])
      const whole: string[] = []
      engine.find(bytes, ({ start, end }) => whole.push(`${start} ${end}`))
      const cut: string[] = []
      const search = searchStream(engine, ({ start, end }) => cut.push(`${start} ${end}`))
      for (let from = 0; from < bytes.length; from += size + 1000)
        search.write(bytes.subarray(from, from + size + 1000))
      search.end()
      assert.deepEqual(cut, whole)
    }),
    { numRuns: 40 },
  )
})

const found: [what: string, rule: Parameters<typeof ruleOf>[0], text: string, secrets: string[]][] = [
  [
    'the group alone, twice with one byte between',
    { keywords: ['tok_'], pattern: '(?:^|[^a-z])(tok_[0-9]{3})(?:[^0-9]|$)' },
    'tok_123,tok_456',
    ['tok_123', 'tok_456'],
  ],
  [
    'the whole match where there is no group',
    { keywords: ['TOK_'], pattern: 'tok_[0-9]+' },
    'a=tok_12;',
    ['tok_12'],
  ],
  [
    'the first group that took part',
    { keywords: ['tok'], pattern: 'tok(?:=(\\d+)|:(\\d+))' },
    'tok=1 tok:22',
    ['1', '22'],
  ],
  [
    'nothing of a longer word',
    { keywords: ['tok_'], pattern: '\\btok_[0-9]{3}\\b' },
    'atok_123 tok_1234',
    [],
  ],
  [
    'a secret with its keyword in the middle, from its beginning',
    { keywords: ['T3B'], pattern: '\\b([a-z]{2,6}T3B[a-z]{4})\\b' },
    'x-abcdT3Bwxyz',
    ['abcdT3Bwxyz'],
  ],
  [
    'a name before the keyword, however long it is',
    {
      keywords: ['acme'],
      pattern: `(?i)[\\w.-]{0,50}?(?:acme)(?:[ \\t\\w.-]{0,20})[\\s'"]{0,3}(?:=|>|:{1,3}=|\\|\\||:|=>|\\?=|,)[\\x60'"\\s=]{0,5}([a-z0-9]{8})(?:[\\x60'"\\s;]|\\\\[nr]|$)`,
    },
    `${'x'.repeat(90)}_ACME_KEY := "abcd1234"\nacme: '12345678'`,
    ['abcd1234', '12345678'],
  ],
  [
    'a keyword that a class of few spells out',
    { keywords: ['7q~', '8q~'], pattern: '([a-z]{3}[78]Q~[a-z]{4})' },
    'abc8Q~wxyz abc9Q~wxyz',
    ['abc8Q~wxyz'],
  ],
  [
    'a keyword that is spelled out nowhere',
    { keywords: ['secret'], pattern: '([a-z_]{6,20})=' },
    'the_secret_x=',
    ['the_secret_x'],
  ],
  ['what starts and ends the text', { keywords: ['key'], pattern: '^key[0-9]+$' }, 'key1', ['key1']],
  ['nothing in the middle of a text', { keywords: ['key'], pattern: '^key[0-9]+$' }, 'key1\nkey2', []],
  ['any bytes', { keywords: ['key'], pattern: 'key=([\\x80-\\xff]{2})' }, 'key=é', ['é']],
  [
    'nothing beyond its reach',
    { keywords: ['key'], pattern: 'key=x*y', reach: 10 },
    `key=${'x'.repeat(9)}y`,
    [],
  ],
  [
    'all within its reach',
    { keywords: ['key'], pattern: 'key=x*y', reach: 10 },
    `key=${'x'.repeat(8)}y`,
    [`key=${'x'.repeat(8)}y`],
  ],
  [
    'nothing that is not random enough',
    { keywords: ['key'], pattern: 'key=(\\w+)', entropy: 2 },
    'key=aaaaaaab key=abcdefgh',
    ['abcdefgh'],
  ],
  [
    'nothing that its list allows',
    { keywords: ['key'], pattern: 'key=(\\w+)', allow: ['(?i)^EXAMPLE'] },
    'key=example1 key=secret',
    ['secret'],
  ],
]

for (const [what, part, text, secrets] of found)
  test(`finds ${what}`, () => assert.deepEqual(secretsIn([ruleOf(part)], text), secrets))

test('several rules share a keyword, and one rule has several', () => {
  const rules = [
    ruleOf({ id: 'a', keywords: ['sk_', 'sk_live_'], pattern: '(sk_live_[0-9]{4})' }),
    ruleOf({ id: 'b', keywords: ['sk_'], pattern: '(sk_[a-z]+)' }),
  ]
  const hits: string[] = []
  compileRules(rules).find(Buffer.from('sk_live_1234'), ({ rule, start, end }) =>
    hits.push(`${rule.id} ${start}-${end}`),
  )
  assert.deepEqual(hits.sort(), ['a 0-12', 'b 0-7'])
})

test('a check decides, and a hit says what it said', () => {
  const rule = ruleOf({ keywords: ['key'], pattern: 'key=(\\d+)', check: 'luhn' })
  const verdicts = { 41: 'failed', 42: 'held', 43: 'open' } as const
  const luhn = (secret: string) => ({ verdict: verdicts[secret as '41'], note: `of ${secret}` })
  const hits: unknown[] = []
  compileRules([rule], { checks: { luhn } }).find(Buffer.from('key=41 key=42 key=43'), (hit) =>
    hits.push([hit.start, hit.checked, hit.note]),
  )
  assert.deepEqual(hits, [
    [11, true, 'of 42'],
    [18, false, 'of 43'],
  ])
})

test('a finder reads around a keyword in place of a pattern, and each secret counts once', () => {
  const rule = ruleOf({ keywords: ['pwd', 'password'], pattern: '', finder: 'named-password', entropy: 1 })
  const finder = (bytes: Buffer, _: number, to: number) => {
    const start = bytes.indexOf('=', to) + 1
    return start === 0 ? undefined : { start, end: start + 3 }
  }
  const hits: number[] = []
  compileRules([rule], { finders: { 'named-password': finder } }).find(
    Buffer.from('pwd_password=abc pwd=aaa pwd'),
    ({ start }) => hits.push(start),
  )
  assert.deepEqual(hits, [13])
})

const refused: [part: Parameters<typeof ruleOf>[0], message: RegExp][] = [
  [
    { keywords: ['xyz'], pattern: 'abc' },
    /^rule vendor-token: the pattern cannot contain the keyword "xyz"; take it out/,
  ],
  [{ keywords: ['KEY'], pattern: 'k[a-d]y' }, /cannot contain the keyword "KEY"/],
  [{ keywords: [], pattern: 'abc' }, /no keyword; name one/],
  [{ keywords: ['ab'], pattern: 'ab' }, /the keyword "ab": write 3 to 64 characters/],
  [{ keywords: ['abé'], pattern: 'abé' }, /a keyword that is not ASCII/],
  [
    { keywords: ['abc'], pattern: 'abc(?=d)' },
    /^rule vendor-token: pattern: at character 4 of the pattern, .*lookaround/,
  ],
  [{ keywords: ['abc'], pattern: 'abc', allow: ['('] }, /^rule vendor-token: allow: /],
  [{ keywords: ['abc'], pattern: 'abc', reach: 0 }, /a reach of 0; write 1 to 16384/],
  [
    { keywords: ['abc'], pattern: 'abc[a-z]{8000}', reach: 16_384 },
    /too large for its reach; use smaller counts/,
  ],
  [{ keywords: ['abc'], pattern: 'abc', check: 'jwt' }, /there is no check "jwt"; there are none/],
  [{ keywords: ['abc'], pattern: '', finder: 'named-secret' }, /there is no finder "named-secret"/],
]

for (const [part, message] of refused)
  test(`a rule is refused: ${String(message)}`, () => {
    assert.throws(() => compileRules([ruleOf(part)]), { code: 'bad_input', message })
  })

test('a rule that is proven is read at its first keyword', () => {
  const rule = ruleOf({ keywords: ['abc'], pattern: 'abc(' })
  const engine = compileRules([rule], { proven: new Set([rule]) })
  engine.find(Buffer.from('nothing'), () => assert.fail())
  assert.throws(() => engine.find(Buffer.from('abc'), () => undefined), { code: 'bad_input' })
})
