import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { Secret } from '../lib/index.ts'
import { createMasker } from './index.ts'

const secret = 'ghp_k3Q9zzT0pLmW7xYvB2nDdJ5rKs81QaWe'
const masker = createMasker([new Secret(secret, 'NPM_TOKEN')])

function mask(output: string, size: number): string {
  const stream = masker.stream()
  const bytes = Buffer.from(output)
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) parts.push(stream.write(bytes.subarray(at, at + size)))
  return Buffer.concat([...parts, stream.end()]).toString()
}

/** What the program prints of these bytes, or undefined where it is missing. */
function printed(command: readonly string[], input: string): string | undefined {
  try {
    return execFileSync(command[0] ?? '', command.slice(1), {
      input,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    })
  } catch {
    return undefined
  }
}

const programs = [
  'hexdump -C',
  'hexdump',
  'hexdump -c',
  'hexdump -b',
  'od',
  'od -b',
  'od -c',
  'od -a',
  'od -t u1',
  'od -t d1',
  'od -An -c',
  'od -An -a',
  'od -An -b',
  'od -An -x',
  'od -An -o',
  'od -An -t x4',
  'od -An -t x8',
  'od -An -t u1',
  'od -An -t d1',
  'od -An -t x1z',
  'od -x',
  'od -t x1',
  'od -t x2',
  'od -t x4',
  'od -t x8',
  'od -t x1z',
  'od -A x -t x1z',
  'xxd',
  'xxd -g 1',
  'xxd -u -c 24',
  'xxd -e',
]

for (const program of programs)
  test(`a secret in a dump is masked with every row that it stands in, and no other row: ${program}`, (t) => {
    // Before and after it are whole rows of something else; it begins at any place of a row.
    for (let shift = 0; shift < 24; shift++) {
      const before = `${'The quick brown fox jumps over the lazy dog. '.repeat(2)}${'.'.repeat(shift)}`
      const input = `${before}${secret}${'And then goes home to sleep a while. '.repeat(3)}`
      const dump = printed(program.split(' '), input)
      if (dump === undefined) return t.skip(`no ${program}`)
      const width = program.includes('-c 24') ? 24 : 16
      const rows = dump.split('\n')
      const isHidden = (i: number) =>
        i >= Math.floor(before.length / width) && i <= Math.floor((before.length + secret.length - 1) / width)
      const expected = rows
        .map((row, i) => (isHidden(i) ? `${/^[0-9a-f]+:?/.exec(row)?.[0] ?? ''}  ***` : row))
        .join('\n')
      for (const size of [100_000, 1, 7, 64])
        assert.equal(mask(`before\n${dump}after\n`, size), `before\n${expected}after\n`, `${shift} ${size}`)
    }
  })

test('a dump of something else, and what only looks like rows, pass as they are', () => {
  const outputs = [
    '00000000  67 68 70 5f 6b 33 51 39  7a 7a 54 30 70 4c 6d 58  |ghp_k3Q9zzT0pLmX|\n00000010\n',
    '2026-11-28 10:00 deadbeef\nface 12\ncafe: 13 14\n1234 5678\n0000020   g   h   p\n',
    'deadbeef 67 68\n*\nnot a row 67 68\n',
    `${'ab '.repeat(2_000)}\n`,
    '1234',
    '12345678: ',
  ]
  for (const output of outputs) for (const size of [100_000, 1, 5]) assert.equal(mask(output, size), output)
})

test('of a quiet step a row is shown at once, unless a secret may go on in the next', () => {
  const stream = masker.stream()
  const row = '00000000  41 42 43 44 45 46 47 2e                           |ABCDEFG.|\n'
  assert.equal(stream.write(Buffer.from(row)).toString() + stream.flushIdle().toString(), row)
  const begins = '00000008  67 68 70 5f 6b 33                                 |ghp_k3|\n'
  assert.equal(stream.write(Buffer.from(begins)).toString() + stream.flushIdle().toString(), '')
  assert.equal(stream.write(Buffer.from('ready\n')).toString(), `${begins}ready\n`)
  assert.equal(stream.write(Buffer.from('1234')).toString() + stream.flushIdle().toString(), '1234')
})

test('what only may become a soft line break or a row waits no longer than the next look at a quiet step', () => {
  for (const output of ['[====', 'a!=\r', '   ', '    > ', '  12']) {
    const stream = masker.stream()
    assert.equal(stream.write(Buffer.from(output)).toString() + stream.flushIdle().toString(), output)
  }
  const stream = masker.stream()
  assert.equal(
    stream.write(Buffer.from(`${secret.slice(0, 9)}=`)).toString() + stream.flushIdle().toString(),
    '',
  )
  assert.equal(stream.write(Buffer.from(`\n${secret.slice(9)}\n=`)).toString(), '***\n')
  assert.equal(stream.flushIdle().toString(), '=')
  const escaped = Buffer.from(secret).toString('hex').replaceAll(/../g, '=$&').slice(1)
  assert.equal(stream.write(Buffer.from(`${escaped}.`)).toString(), '***.')
})

test('a mask tells the names of the secrets that it hides, once', () => {
  const names: string[] = []
  const both = createMasker([
    new Secret(secret, 'NPM_TOKEN'),
    new Secret(secret, 'COPY'),
    new Secret('other-secret-1'),
  ])
  const stream = both.stream((name) => names.push(name))
  stream.write(Buffer.from(`${secret} ${Buffer.from(secret).toString('base64')} ${secret}${secret}\n`))
  stream.write(Buffer.from('other-secr'))
  stream.write(Buffer.from('et-1\n'))
  stream.end()
  assert.deepEqual(names.sort(), ['(unnamed)', ...Array(3).fill('COPY'), ...Array(3).fill('NPM_TOKEN')])
})

test('a text of any length is masked in pieces', () => {
  const pieces = Array.from({ length: 1_000 }, (_, i) =>
    Buffer.from(`line ${i} ${i % 100 === 0 ? secret : ''}\n`),
  )
  const shown = Buffer.concat([...masker.pieces(pieces)]).toString()
  assert.equal(shown.split('***').length, 11)
  assert.ok(!shown.includes(secret))
})
