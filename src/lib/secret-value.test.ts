import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { readValue } from './index.ts'

test('PEM as tools write it is known, one block or several, and nothing that only begins so', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const block = privateKey.export({ type: 'pkcs8', format: 'pem' }).trim()
  const other = publicKey.export({ type: 'spki', format: 'pem' }).trim()
  const form = (value: string) => {
    const read = readValue(value)
    return read.ok ? read.form : read.problem
  }
  for (const value of [block, `${block}\n${other}`, block.replaceAll('\n', '\r\n')])
    assert.equal(form(value), 'pem')
  for (const value of [
    block.replace('END PRIVATE', 'END PUBLIC'),
    block.slice(0, -30),
    `${block}\nrest`,
    `${block}\n${block.slice(0, 100)}`,
  ])
    assert.match(form(value), /begins as PEM/)
  assert.match(form(`password\n${block}`), /several lines/)
})

test('a value of 65,536 characters that almost is PEM is looked at once', () => {
  const value = '-----BEGIN A-----\n'.repeat(3_640)
  assert.equal(readValue(`${value}x`).ok, false)
})
