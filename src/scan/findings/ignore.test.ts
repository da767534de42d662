import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ignoringAt } from './ignore.ts'
import { shownReason } from './reason.ts'

const nowMs = Date.parse('2026-11-29T12:00:00Z')
const key = 'key = SECRET'
const said = (text: string, rule = 'acme-token') =>
  ignoringAt(Buffer.from(text), Buffer.from(text).indexOf('SECRET'), rule, nowMs)
const comment = 'mayfly: ignore acme-token until 2027-01-31 dead since May'
const acceptance = { by: 'comment', reason: 'dead since May', until: '2027-01-31' }

test('a comment on the line, or alone on the line before, ignores one rule for a reason until a day', () => {
  for (const text of [
    ...[
      `${key} # ${comment}`,
      `${key} // ${comment}\r\n`,
      `${key} /* ${comment} */`,
      `<a>SECRET</a><!-- x --> <!-- ${comment} -->`,
    ],
    ...[
      `# ${comment}\n${key}`,
      `x\n  // ${comment}\r\n${key}\n`,
      `-- ${comment}\n${key}`,
      `; ${comment}\n${key}`,
    ],
    ...[
      ` * ${comment}\n${key}`,
      `{# ${comment} #}\n${key}`,
      `# mayfly: ignore other-token until 2027-01-31 also\n${key} # ${comment}`,
    ],
  ])
    assert.deepEqual(said(text), { ignored: true, acceptance }, text)
})

test('what is no comment, or not its own, ignores nothing', () => {
  for (const text of [
    ...[key, `url = "http://x#${comment}" ${key}`, `${key}\n# ${comment}`],
    ...[`other = 1 # ${comment}\n${key}`, `${key} # mayfly ignores this in production`],
    `${key}${' '.repeat(5_000)}# ${comment}`,
  ])
    assert.notEqual(said(text)?.ignored, true, text)
  const outside = said(`${key} ${comment}`)
  assert.ok(outside?.ignored === false)
  assert.match(outside.note, /in a comment$/)
})

test('what is nearly such a comment does not count, and it is said', () => {
  for (const near of [
    ...['Mayfly: ignore acme-token until 2027-01-31 dead', 'mayfly:ignore acme-token until 2027-01-31 dead'],
    ...['mayfly ignore', 'mayfly:allow', 'mayfly-skip'],
  ]) {
    const answer = said(`${key} # ${near}`)
    assert.ok(answer?.ignored === false, near)
    assert.match(answer.note, /^"mayfly[ :-]+\w+" does not count: write "mayfly: ignore RULE/i)
  }
})

const notes: [string, RegExp][] = [
  ['mayfly: ignore acme-token', /not in its form: write "mayfly: ignore RULE until YYYY-MM-DD REASON"/],
  ['mayfly: ignore acme-token until 2027-01-31', /not in its form/],
  ['mayfly: ignore acme-token dead since May', /not in its form/],
  ['mayfly: ignore * until 2027-01-31 all of it', /not in its form/],
  ['mayfly: ignore acme until 2027-01-31 dead', /for the rule acme, and this is acme-token/],
  ['mayfly: ignore acme-token until 2026-11-28 dead', /ended on 2026-11-28/],
  ['mayfly: ignore acme-token until 2026-02-31 dead', /no day/],
  ['mayfly: ignore acme-token until 2027-11-30 dead', /at most a year/],
]

test('a comment that an empty line parts from the secret does not count, and it is said', () => {
  for (const gap of ['\n', '\n \t\n\n']) {
    const answer = said(`# ${comment}\n${gap}${key}`)
    assert.ok(answer?.ignored === false)
    assert.match(answer.note, /an empty line/)
  }
  for (const text of [`# ${comment}\n\nother\n${key}`, `x # ${comment}\n\n${key}`, `\n\n${key}`])
    assert.equal(said(text), undefined, text)
})

test('a comment ends where its language ends it: what stands behind is code, and is told nowhere', () => {
  for (const [open, close] of [
    ['/*', '*/'],
    ['/**', '**/'],
    ['<!--', '-->'],
    ['{#', '#}'],
    ['(*', '*)'],
  ] as const) {
    assert.deepEqual(said(`${open} ${comment} ${close} ${key}`), { ignored: true, acceptance }, open)
    assert.equal(said(`${open} ${comment} ${close} other = 1\n${key}`), undefined, open)
  }
  assert.deepEqual(said(`# ${comment} */\n${key}`)?.ignored, true)
})

test('a reason shows no key', () => {
  const made = ['gh', `p_${'aB3'.repeat(12)}`].join('')
  for (const key of [made, `${'aB3dE/'.repeat(6)}aB3dEfGhIjKlMnOpQr8`, '0123456789abcdef0123456789abcdef']) {
    const answer = said(`key = SECRET # ${comment}, the new one is ${key}`)
    assert.ok(answer?.ignored === true)
    assert.equal(answer.acceptance.reason, 'dead since May, the new one is ****')
  }
  const plain = 'see https://tickets.example.com/browse/SEC-1234, in src/config/loader.test.ts'
  assert.equal(shownReason(plain), plain)
})

test('the day that a comment names is its last, and at most a year away', () => {
  for (const day of ['2026-11-29', '2027-11-29'])
    assert.equal(said(`${key} # mayfly: ignore acme-token until ${day} dead since May`)?.ignored, true, day)
})

test('a comment that does not count says why', () => {
  for (const [text, note] of notes) {
    const answer = said(`${key} # ${text}`)
    assert.ok(answer?.ignored === false)
    assert.match(answer.note, note)
  }
})

test('what cannot be seen, or says nothing, is no reason', () => {
  for (const reason of ['\u200b\u200b\u200b', 'x', '---', '\u3164\u3164\u3164\u3164', '\u2800\u2800\u2800']) {
    const answer = said(`${key} # mayfly: ignore acme-token until 2027-01-31 ${reason}`)
    assert.ok(answer?.ignored === false)
    assert.match(answer.note, /has no reason/)
  }
})

test('a reason is shown without what could move a terminal', () => {
  const answer = said(`${key} # ${comment}\u001b[2J\u202e`)
  assert.ok(answer?.ignored === true)
  assert.equal(answer.acceptance.reason, 'dead since May\\u001b[2J\\u202e')
})
