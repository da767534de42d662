import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../lib/index.ts'
import { createRedactor } from './redactor.ts'

const secret = 'Hunter22-and-more'
const open = () => createRedactor([new Secret(secret), new Secret(secret), new Secret('abc')])

test('text, data and a command line that splits the secret or its blanks over arguments', () => {
  const redactor = open()
  assert.equal(redactor.text(`a ${secret} b`), 'a *** b')
  assert.deepEqual(redactor.data({ n: 1, list: [secret, null], in: { text: `x${secret}` } }), {
    n: 1,
    list: ['***', null],
    in: { text: 'x***' },
  })
  assert.equal(redactor.command(['deploy', '--token', secret]), 'deploy --token ***')
  assert.doesNotMatch(redactor.command(['deploy', secret.slice(0, 5), secret.slice(5)]), /Hunte|and-more/)
  redactor.add(new Secret('two words here'))
  assert.equal(redactor.command(['say', 'two', 'words', 'here', 'loud']), 'say *** loud')
})

test('an address is asked for in any case of letters, and what is too short to be masked is counted once', () => {
  const redactor = open()
  assert.ok(redactor.isIn(`${secret.toLowerCase()}.example.com:443`))
  assert.ok(redactor.isIn(`${Buffer.from(secret).toString('hex').toUpperCase()}.example.com:443`))
  assert.ok(!redactor.isIn('hunter.example.com:443'))
  assert.equal(redactor.unmasked(), 1)
})

test('what one step shows is counted by the names of its secrets, what others show is not', () => {
  const redactor = createRedactor([new Secret(secret, 'DEPLOY_TOKEN'), new Secret('another-one-5', 'OTHER')])
  const names: string[] = []
  const counting = redactor.counting((name) => names.push(name))
  redactor.text(secret)
  assert.equal(counting.text(`${secret} and ${secret}`), '*** and ***')
  const stream = counting.masker().stream()
  stream.write(Buffer.from(`another-one-5\n`))
  stream.end()
  counting.data({ in: [secret] })
  assert.deepEqual(names, ['DEPLOY_TOKEN', 'DEPLOY_TOKEN', 'OTHER', 'DEPLOY_TOKEN'])
})

test('a secret that is added later counts in streams that are open, at once', () => {
  const redactor = open()
  const stream = redactor.masker().stream()
  const first = stream.write(Buffer.from('late-secret-'))
  redactor.add(new Secret('late-secret-value'))
  assert.ok(
    !Buffer.concat([first, stream.write(Buffer.from('value late-secret-value\n')), stream.end()])
      .toString()
      .endsWith('late-secret-value\n'),
  )
})

test('of thousands of texts that a server has found each is masked, in open streams, too; the first in all forms', () => {
  const redactor = createRedactor([])
  const stream = redactor.masker().stream()
  const texts = Array.from({ length: 3_000 }, (_, i) => `found-text-number-${String(i).padStart(5, '0')}-x`)
  redactor.addFound(texts.slice(0, 1_000), 'found')
  redactor.addFound(texts, 'found')
  const shown = Buffer.concat([stream.write(Buffer.from(texts.join('\n'))), stream.end()]).toString()
  assert.deepEqual(new Set(shown.split('\n')), new Set(['***']))
  const reversed = (text = '') => redactor.text([...text].toReversed().join(''))
  assert.equal(reversed(texts[0]), '***')
  assert.notEqual(reversed(texts[2_999]), '***')
  assert.equal(redactor.text(Buffer.from(texts[2_999] ?? '').toString('hex')), '***')
})
