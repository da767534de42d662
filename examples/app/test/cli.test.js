import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { main } from '../src/cli.js'
import { alice, send, temporaryFolder } from './helpers.js'

const BIN = fileURLToPath(new URL('../bin/octo-links.js', import.meta.url))

async function run(argv, env = {}) {
  const out = { stdout: '', stderr: '' }
  const sink = (name) => ({ write: (text) => (out[name] += text) })
  const code = await main(argv, { env, stdout: sink('stdout'), stderr: sink('stderr') })
  return { code, ...out }
}

test('help and version', async () => {
  assert.match((await run(['--help'])).stdout, /^Usage: octo-links/)
  assert.match((await run(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
})

test('wrong usage exits with 2 and says why', async () => {
  for (const argv of [
    [],
    ['dance'],
    ['token'],
    ['serve', 'now'],
    ['--prot', '1'],
    ['token', 'a:b'],
    ['constructor'],
  ]) {
    const { code, stdout, stderr } = await run(argv)
    assert.deepEqual([code, stdout], [2, ''], argv.join(' '))
    assert.ok(stderr)
  }
  assert.match((await run(['serve'])).stderr, /LINKS_TOKENS is missing/)
  assert.match(
    (await run(['serve', '--port', 'x'], { LINKS_TOKENS: alice.entry })).stderr,
    /LINKS_PORT must be/,
  )
})

test('export of a folder that is not a store fails', async (t) => {
  const { code, stderr } = await run(['export', '--data', await temporaryFolder(t)])
  assert.equal(code, 1)
  assert.match(stderr, /holds no links/)
})

test(
  'serve answers over a real socket, stops on SIGTERM and keeps everything',
  { timeout: 20_000 },
  async (t) => {
    const token = (await run(['token', 'ci'])).stdout
    const secret = /^ {2}(lnk_\S+)$/m.exec(token)[1]
    const entry = /^ {2}(ci:[0-9a-f]{64})$/m.exec(token)[1]
    const folder = await temporaryFolder(t)

    const child = spawn(process.execPath, [BIN, 'serve', '--port', '0', '--data', folder], {
      env: { ...process.env, LINKS_TOKENS: entry },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.after(() => child.kill('SIGKILL'))
    const exited = once(child, 'exit')
    const log = []
    const url = await new Promise((resolve, reject) => {
      createInterface(child.stdout).on('line', (line) => {
        log.push(line)
        const listening = /Server listening at (http:\S+)/.exec(JSON.parse(line).msg)
        if (listening) resolve(listening[1])
      })
      exited.then(([code]) => reject(new Error(`exited with ${code} before it listened`)))
    })

    const created = await send(`${url}/api/links`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ slug: 'docs', url: 'https://example.com/docs' }),
    })
    assert.equal(created.status, 201, created.text)
    assert.equal(JSON.parse(created.text).shortUrl, `${url}/docs`)
    const redirect = await send(`${url}/docs`)
    assert.deepEqual([redirect.status, redirect.headers.location], [302, 'https://example.com/docs'])

    const second = await run(['serve', '--port', '0', '--data', folder], {
      LINKS_TOKENS: entry,
      LINKS_LOG_LEVEL: 'silent',
    })
    assert.equal(second.code, 1)
    assert.match(second.stderr, /in use by another process/)

    child.kill('SIGTERM')
    assert.deepEqual(await exited, [0, null])
    assert.ok(log.some((line) => line.includes('link created')))
    assert.ok(!log.join('\n').includes(secret))

    const [link] = (await run(['export', '--data', folder])).stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual([link.slug, link.createdBy, link.hits], ['docs', 'ci', 1])
  },
)
