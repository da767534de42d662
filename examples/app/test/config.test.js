import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, readConfig } from '../src/config.js'
import { alice } from './helpers.js'

const LINKS_TOKENS = alice.entry

test('defaults are safe for a laptop', () => {
  const { tokens, ...config } = readConfig({ LINKS_TOKENS, LINKS_PORT: '', PATH: '/bin' })
  assert.deepEqual(
    tokens.map(({ name }) => name),
    ['alice'],
  )
  assert.deepEqual(config, {
    host: '127.0.0.1',
    port: 3000,
    dataFolder: './data',
    publicUrl: undefined,
    trustProxy: undefined,
    ratePerMinute: 300,
    logLevel: 'info',
  })
})

test('everything can be set', () => {
  const config = readConfig({
    LINKS_TOKENS,
    LINKS_PORT: '0',
    LINKS_PUBLIC_URL: 'https://go.example.com/',
    LINKS_TRUST_PROXY: '10.0.0.0/8, ::1',
    LINKS_LOG_LEVEL: 'silent',
  })
  assert.equal(config.port, 0)
  assert.equal(config.publicUrl, 'https://go.example.com')
  assert.deepEqual(config.trustProxy, ['10.0.0.0/8', '::1'])
  assert.equal(config.logLevel, 'silent')
})

test('every mistake is named at once', () => {
  const read = () => readConfig({ LINKS_PORT: '70000', LINKS_PROT: '1', LINKS_LOG_LEVEL: 'loud' })
  assert.throws(read, (error) => {
    assert.ok(error instanceof ConfigError)
    assert.deepEqual(
      error.problems.map((problem) => problem.split(' ')[0]),
      ['LINKS_PROT', 'LINKS_PORT', 'LINKS_LOG_LEVEL', 'LINKS_TOKENS'],
    )
    return true
  })
})

const wrong = {
  LINKS_HOST: [' '],
  LINKS_PORT: ['-1', '1e3', '0x50', '80 '],
  LINKS_PUBLIC_URL: [
    'go.example.com',
    'ftp://go.example.com',
    'https://go.example.com/path',
    'https://u@go.example.com',
  ],
  LINKS_TOKENS: ['alice', `${LINKS_TOKENS},${LINKS_TOKENS}`, LINKS_TOKENS.toUpperCase(), `${LINKS_TOKENS},`],
  LINKS_TRUST_PROXY: ['true', '10.0.0.0/33', '10.0.0.0/8/8', 'localhost', '::1/129'],
  LINKS_RATE_PER_MINUTE: ['0'],
}

for (const [name, values] of Object.entries(wrong)) {
  test(`${name} refuses wrong values`, () => {
    for (const value of values)
      assert.throws(
        () => readConfig({ LINKS_TOKENS, [name]: value }),
        (error) =>
          error instanceof ConfigError && error.message.startsWith(`${name} `) && error.problems.length === 1,
        value,
      )
  })
}

test('a token pasted in place of its entry is not repeated in the message', () => {
  assert.throws(
    () => readConfig({ LINKS_TOKENS: alice.token }),
    (error) => !error.message.includes(alice.token),
  )
})
