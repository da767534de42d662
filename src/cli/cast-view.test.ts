import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCastView } from './cast-view.ts'

const head = '{"version":2,"width":80,"height":24,"timestamp":1,"title":"x"}\n'

/** What a player would be given, of a recording that comes in pieces. */
function viewOf(events: readonly (readonly [number, string, string])[], size = 7): unknown[] {
  const cast = Buffer.from(head + events.map((event) => `${JSON.stringify(event)}\n`).join(''))
  const view = createCastView()
  let shown = ''
  for (let at = 0; at < cast.length; at += size) shown += view.add(cast.subarray(at, at + size))
  shown += view.rest()
  // eslint-disable-next-line no-control-regex
  assert.doesNotMatch(shown, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
  const [, ...lines] = shown.trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line) as unknown)
}

test('a player is given the picture, and nothing else that a terminal could obey', () => {
  const picture = '\u001b[?1049h\u001b[2;20r\u001b[31mé\u001b[K\u001b[3M\u001b(0\u001b[?25l\r\n'
  assert.deepEqual(viewOf([[1, 'o', picture]]), [[1, 'o', picture]])
  const title = '\u001b]0;me@host\u0007$ \u001b]52;c;ZXZpbA==\u001b\\ls'
  assert.deepEqual(viewOf([[1, 'o', title]]), [[1, 'o', '$ ls']])
  for (const hostile of ['\u001b[6n', '\u001b[?1000h', '\u001bc', '\u001bP$q"p\u001b\\', '\u009b5n']) {
    const [event] = viewOf([[1, 'o', `a${hostile}b`]]) as [[number, string, string]]
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(event[2], /[\x00-\x1f\x7f-\x9f]/, JSON.stringify(hostile))
  }
})

test('a sequence in two events is seen, and a line that is not whole is left out', () => {
  const halves = viewOf([
    [1, 'o', 'a\u001b['],
    [2, 'o', '31mb'],
    [3, 'r', '100x30'],
    [4, 'i', 'ls\r'],
  ])
  assert.deepEqual(halves, [
    [1, 'o', 'a'],
    [2, 'o', '\u001b[31mb'],
    [3, 'r', '100x30'],
    [4, 'i', 'ls\r'],
  ])
  const view = createCastView()
  assert.equal(
    view.add(Buffer.from(`${head}[1,"o","whole"]\n[2,"o","ha`)) + view.rest(),
    `${head}[1,"o","whole"]\n`,
  )
})
