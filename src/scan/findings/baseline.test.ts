import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { acceptKnown, grownBaseline, readBaseline, writeBaseline, writeWhole, type Finding } from './index.ts'

const nowMs = Date.parse('2026-11-29T12:00:00Z')

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'mayfly-baseline-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const finding = (fingerprint: string, more: Partial<Finding> = {}): Finding => ({
  ...{
    rule: 'acme-token',
    confidence: 'likely',
    checked: false,
    alsoFoundBy: [],
    file: 'a.env',
    decoded: [],
  },
  ...{ start: { line: 1, column: 1 }, end: { line: 1, column: 9 }, excerpt: 'acme****' },
  fingerprint: fingerprint.repeat(32),
  ...more,
})

test('what a baseline has is accepted, wherever it stands by now, and keeps its day and its reason', (t) => {
  const file = join(folder(t), 'baseline.json')
  writeBaseline(
    file,
    grownBaseline(new Map(), [finding('a'), finding('b', { file: 'evil\u001b.env' })], nowMs),
  )
  const text = readFileSync(file, 'utf8')
  assert.ok(!text.includes('\u001b'))
  writeFileSync(file, text.replace('"first_seen":"2026-11-29"', '"first_seen":"2026-01-02","reason":"dead"'))
  const known = readBaseline(file)
  const moved = finding('a', { file: 'moved.env', start: { line: 77, column: 5 } })
  assert.deepEqual(
    acceptKnown([moved, finding('c')], known).map(({ accepted }) => accepted),
    [{ by: 'baseline', reason: 'dead' }, undefined],
  )
  // The entry says another rule than the one that its fingerprint is of.
  const [other] = acceptKnown([finding('a', { rule: 'another-token' })], known)
  assert.equal(other?.accepted, undefined)
  assert.match(other?.note ?? '', /for the rule acme-token, so it does not count/)
  const grown = grownBaseline(
    known,
    [moved, finding('c'), finding('d', { accepted: { by: 'comment' } })],
    nowMs,
  )
  assert.deepEqual(
    [...grown.values()].map((one) => [one.fingerprint[0], one.first_seen, one.reason, one.files.join()]),
    [
      ['a', '2026-01-02', 'dead', 'a.env,moved.env'],
      ['b', '2026-11-29', undefined, 'evil\u001b.env'],
      ['c', '2026-11-29', undefined, 'a.env'],
    ],
  )
})

test('a baseline that an editor saved with a byte order mark, or as UTF-16, is read', (t) => {
  const file = join(folder(t), 'baseline.json')
  const entry = { fingerprint: 'a'.repeat(32), rule: 'x', first_seen: '2026-11-29', files: ['ä'] }
  const text = `\ufeff${JSON.stringify({ version: 1, findings: [entry] })}`
  const little = Buffer.from(text, 'utf16le')
  for (const bytes of [Buffer.from(text), little, Buffer.from(little).swap16()]) {
    writeFileSync(file, bytes)
    assert.deepEqual([...readBaseline(file).values()], [entry])
  }
})

test('a baseline that is not as it should be accepts nothing', (t) => {
  const file = join(folder(t), 'baseline.json')
  for (const text of [
    '',
    '[]',
    '{"version":2,"findings":[]}',
    '{"version":1,"findings":[{"rule":"x"}]}',
    '{"version":1,"findings":[],"x":1}',
  ]) {
    writeFileSync(file, text)
    assert.throws(() => readBaseline(file), { code: 'bad_input' }, text)
  }
  assert.throws(() => readBaseline(`${file}.none`), { code: 'bad_input' })
  assert.throws(() => readBaseline('/dev/zero'), /no regular file/)
})

test('it is written whole or not at all, and replaces no device', (t) => {
  const path = folder(t)
  writeWhole(join(path, 'real'), 'one')
  symlinkSync('real', join(path, 'link'))
  symlinkSync('nowhere', join(path, 'dangling'))
  for (const name of ['link', 'dangling'])
    assert.throws(() => writeWhole(join(path, name), 'two'), /it is a link: name the file itself/)
  assert.equal(readFileSync(join(path, 'real'), 'utf8'), 'one')
  assert.throws(() => writeWhole('/dev/null', 'x'), /no regular file/)
  assert.throws(() => writeWhole(join(path, 'none', 'x'), 'x'), { code: 'bad_input' })
  assert.deepEqual(readdirSync(path).toSorted(), ['dangling', 'link', 'real'])
})
