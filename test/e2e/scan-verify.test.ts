import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { baseEnvironment, runMayfly, startUp, type Up } from '../../demo/stage.ts'
import { builtInRules, fillTemplate } from '../../src/scan/rules/index.ts'

/** As long as each: the rule takes nothing shorter. */
const [live, gone] = [1, 2].map(() => `hvs.${randomBytes(18).toString('hex')}`)
let root: string
let up: Up
let vault: Server
const seen: string[] = []
const ended = new Set<string>()

before(async () => {
  root = mkdtempSync(join(tmpdir(), 'mayfly-verify-'))
  // A vault, by HashiCorp's reference of its token API; the fake knows one token.
  vault = createServer((request, response) => {
    const given = String(request.headers['x-vault-token'])
    seen.push(`${request.method} ${request.url}`)
    const answer = (status: number, json?: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
    if (given !== live || ended.has(given))
      return answer(403, { errors: ['2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n'] })
    if (request.url === '/v1/auth/token/revoke-self') {
      ended.add(given)
      return response.writeHead(204).end()
    }
    return answer(200, { data: { display_name: 'ci', entity_id: `e ${given}`, policies: ['deploy'] } })
  })
  await new Promise<void>((done) => vault.listen(0, '127.0.0.1', done))
  up = await startUp(join(root, 'data'))
  mkdirSync(join(root, 'files'))
  writeFileSync(join(root, 'files/app.env'), `VAULT_TOKEN=${live}\nOLD=${gone}\n`)
  const other = builtInRules.find(({ id }) => id === 'npm-token')?.examples.positive[0] ?? ''
  writeFileSync(join(root, 'files/npm.env'), fillTemplate(other, Math.random))
})
after(async () => {
  await up.stop()
  vault.close()
  rmSync(root, { recursive: true, force: true })
})

async function run(args: readonly string[], env: Record<string, string> = {}) {
  const ran = await runMayfly(
    args,
    { ...baseEnvironment(), MAYFLY_SERVER: up.url, MAYFLY_TOKEN: up.operatorToken, CI: 'false', ...env },
    { cwd: root },
  )
  for (const secret of [live, gone])
    assert.ok(!`${ran.stdout}${ran.stderr}${up.said()}`.includes(String(secret)), 'a secret is told')
  return ran
}

async function apply(more: string): Promise<void> {
  writeFileSync(
    join(root, 'mayfly.yaml'),
    `issuers: { github: { kind: github-actions } }
connections:
  vault: { kind: http, url: "http://127.0.0.1:${(vault.address() as AddressInfo).port}" }
roles:
  build:
    trust: { issuer: github, repository_id: "1", event: push }
    grants: ["http:get vault/v1/sys/health"]
${more}`,
  )
  const applied = await run(['apply', 'mayfly.yaml'])
  assert.equal(applied.exitCode, 0, applied.stderr)
}

const dayAfter = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

interface Json {
  findings: { fingerprint: string; rule: string; liveness?: Record<string, unknown> }[]
}

test('nothing is asked that the policy does not list', async () => {
  await apply('')
  const { exitCode, stderr } = await run(['scan', 'files', '--verify'])
  assert.equal(exitCode, 2)
  assert.match(stderr, /the server asks no vendor about anything: list kinds under scan\.verify/)
  assert.equal(seen.length, 0)
})

test('what is found is asked about through the server, told in each form, and ended once somebody says so', async () => {
  await apply('scan: { verify: { kinds: [hashicorp-vault-token], at: { hashicorp-vault-token: vault } } }')
  const asked = await run(['scan', 'files', '--verify', '--report', 'json'])
  assert.equal(asked.exitCode, 1, asked.stderr)
  const { findings } = JSON.parse(asked.stdout) as Json
  const port = (vault.address() as AddressInfo).port
  assert.deepEqual(
    findings.map(({ rule, liveness }) => [rule, liveness]),
    [
      [
        'hashicorp-vault-token',
        {
          ...{ state: 'alive', at: `127.0.0.1:${port}`, whose: 'ci, (repeats the secret: not shown)' },
          ...{ can: ['deploy'], revocable: true },
        },
      ],
      [
        'hashicorp-vault-token',
        {
          ...{ state: 'unknown', at: `127.0.0.1:${port}`, revocable: true },
          why: `127.0.0.1:${port} does not know it; it may be of another server, region or sort`,
        },
      ],
      ['npm-token', undefined],
    ],
  )
  const [first] = findings
  const text = await run(['scan', 'files', '--verify', 'hashicorp-vault-token'])
  assert.match(
    text.stdout,
    new RegExp(
      `ALIVE at 127\\.0\\.0\\.1:${port}; of ci, .*; it may: deploy; mayfly scan --revoke ${first?.fingerprint}`,
    ),
  )
  assert.match(text.stdout, /127\.0\.0\.1:[0-9]+ does not know it/)
  const sarif = await run(['scan', 'files', '--verify', '--report', 'sarif'])
  assert.match(sarif.stdout, /"liveness": \{\s+"state": "alive"/)
  for (const report of ['github', 'gitlab'])
    assert.match(
      (await run(['scan', 'files', '--verify', '--report', report])).stdout,
      /ALIVE at 127\.0\.0\.1/,
    )
  // Within the hour each was asked about once.
  assert.equal(seen.length, 2)

  const fork = { GITHUB_ACTIONS: 'true', GITHUB_EVENT_NAME: 'pull_request', CI: 'true' }
  const revoke = ['scan', 'files', '--revoke', String(first?.fingerprint)]
  for (const args of [revoke, [...revoke, '--yes'], ['scan', 'files', '--verify']]) {
    const refused = await run(args, fork)
    assert.match(refused.stderr, /nothing is verified or revoked in it/)
  }
  assert.match((await run(revoke)).stderr, /for good and for all who use it: say --yes/)
  assert.match(
    (await run(['scan', 'files', '--revoke', 'f'.repeat(32), '--yes'])).stderr,
    /nothing was found here with the fingerprint/,
  )
  assert.equal(seen.length, 2)
  // Whoever has it accepted until it is ended ends it there.
  mkdirSync(join(root, 'accepted'))
  writeFileSync(
    join(root, 'accepted/app.env'),
    `VAULT_TOKEN=${live} # mayfly: ignore hashicorp-vault-token until ${dayAfter(30)} it is being replaced\n`,
  )
  assert.equal((await run(['scan', 'accepted'])).exitCode, 0)
  const done = await run(['scan', 'accepted', ...revoke.slice(2), '--yes'])
  assert.deepEqual([done.exitCode, done.stdout], [0, `127.0.0.1:${port} has ended it\n`])
  assert.deepEqual(seen.slice(2), ['POST /v1/auth/token/revoke-self'])
  assert.match((await run([...revoke, '--yes'])).stdout, /has ended it before/)
  const again = await run(['scan', 'files/app.env', '--verify', '--report', 'json'])
  assert.deepEqual(
    (JSON.parse(again.stdout) as Json).findings.map(({ liveness }) => liveness?.['state']),
    ['dead', 'unknown'],
  )
})

test('without a server, without a token, over a clear line and for a kind that is not listed it says so', async () => {
  const scan = ['scan', 'files', '--verify']
  assert.match((await run(scan, { MAYFLY_SERVER: 'http://127.0.0.1:1' })).stderr, /does not answer/)
  assert.match((await run(scan, { MAYFLY_SERVER: 'http://mayfly.corp.test' })).stderr, /https/)
  assert.match(
    (await run(scan, { MAYFLY_TOKEN: '', HOME: root, XDG_CONFIG_HOME: root })).stderr,
    /sign in with mayfly login/,
  )
  assert.match(
    (await run([...scan.slice(0, 2), '--verify=npm-token'])).stderr,
    /does not list npm-token; it lists hashicorp-vault-token/,
  )
})
