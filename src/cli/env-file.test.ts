import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEnv } from 'node:util'
import { readEnvFile } from './env-file.ts'
import { readJsonSecrets } from './json-secrets.ts'

const plain = String.raw`# a comment
export A=one   # behind it
B = two words
C='it "is" $HOME \n # as it is'
D="three
lines and \n a break" # behind
  E=x=y==

F='-----BEGIN X-----
MIIB
-----END X-----'
`

test('what is read is what Node reads', () => {
  const read = Object.fromEntries(readEnvFile(plain, '.env').map(({ key, value }) => [key, value]))
  assert.deepEqual(read, { ...parseEnv(plain) })
  assert.equal(read['D'], 'three\nlines and \n a break')
  assert.deepEqual(
    readEnvFile(plain.replaceAll('\n', '\r\n'), '.env').map(({ key, line }) => [key, line]),
    [
      ['A', 2],
      ['B', 3],
      ['C', 4],
      ['D', 5],
      ['E', 7],
      ['F', 9],
    ],
  )
})

test('what tools read differently is refused with its line, and nothing of it is repeated', () => {
  for (const [text, says] of [
    ['A=1\nhunter2', /^\.env:2: this is not NAME=value/],
    ['A=hunter2#x', /:1: .*single quotes/],
    [String.raw`A="hun\ter2"`, /backslash in double quotes/],
    ['A="$HOME/hunter2"', /in place of \$NAME/],
    ['A=${hunter2}', /in place of \$NAME/],
    ['\n\nA="hunter2', /:3: the quote is not closed/],
    ["A='hunter2' hunter2", /:1: something stands behind the quotes/],
    ['A=', /A has no value/],
    ['A=hun"ter2', /single quotes/],
    ['1A=hunter2', /this is not NAME=value/],
  ] as const)
    assert.throws(
      () => readEnvFile(text, '.env'),
      (error: Error) => says.test(error.message) && !error.message.includes('hunter2'.slice(0, 5)),
      text,
    )
})

test('JSON: objects are folders; what is no text, or stands there twice, is refused', () => {
  assert.deepEqual(readJsonSecrets('{"db": {"admin": "x", "__proto__": "y"}, "a": "z"}', 'f'), [
    { key: 'db/admin', value: 'x' },
    { key: 'db/__proto__', value: 'y' },
    { key: 'a', value: 'z' },
  ])
  for (const [text, says] of [
    ['{"a": hunter2}', /^f: this is not JSON$/],
    ['{"a": "hunter2",\n"a": "hunter2"}', /line 2: a name stands there twice/],
    ['{"a": 7}', /a is no text/],
    ['{"a": ["hunter2"]}', /a is no text/],
    ['"hunter2"', /no object/],
    ['{"a": null}', /a is no text/],
  ] as const)
    assert.throws(
      () => readJsonSecrets(text, 'f'),
      (error: Error) => says.test(error.message) && !error.message.includes('hunter2'),
      text,
    )
})
