import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import { baseEnvironment, projectFolder, type Ran } from '../../demo/stage.ts'
import { openServer, policyText, provider as somewhere } from '../../src/server/server.fixture.ts'
import { createBrowser, startProvider } from '../../src/operators/provider.fixture.ts'

/** A server, a provider, a browser, and `mayfly` of a person with a home of their own. */
async function openWorld(t: TestContext) {
  const provider = await startProvider(t)
  const policy = policyText().replace(
    somewhere,
    `${provider.url}\n  client_secret: secret:oidc\n  scopes: [openid, email, profile, groups]`,
  )
  const it = await openServer(t, { policy, fetch, secrets: { oidc: 'p@ss word:1' } })
  provider.register(`${it.url}/auth/callback`)
  const home = mkdtempSync(join(tmpdir(), 'mayfly-home-'))
  t.after(() => rmSync(home, { recursive: true, force: true }))
  const env = { ...baseEnvironment(), XDG_CONFIG_HOME: home, MAYFLY_SERVER: it.url }
  const run = (args: readonly string[], onLine: (line: string) => void = () => undefined): Promise<Ran> =>
    new Promise((resolve, reject) => {
      const child = spawn(join(projectFolder, 'bin', 'mayfly'), args, {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let [stdout, stderr] = ['', '']
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
      createInterface({ input: child.stderr }).on('line', (line) => {
        stderr += `${line}\n`
        onLine(line)
      })
      child.once('error', reject)
      child.once('close', (code) => resolve({ exitCode: code ?? 255, stdout, stderr }))
    })
  return { it, provider, home, run }
}

test('mayfly login by a browser, mayfly approve as that person, mayfly logout', async (t) => {
  const { it, provider, home, run } = await openWorld(t)
  const browser = createBrowser()
  provider.state.account = { sub: 'anna-1' }
  const failures: unknown[] = []
  const signedIn = await run(['login', '--no-browser'], (line) => {
    const url = /open (\S+)/.exec(line)?.[1]
    if (url !== undefined) confirm(url).catch((error: unknown) => failures.push(error))
  })

  async function confirm(url: string): Promise<void> {
    const { text } = await browser.follow(url)
    const csrf = /name="csrf" value="([0-9a-f]{64})"/.exec(text)?.[1] ?? ''
    const form = { ...Object.fromEntries(new URL(url).searchParams), csrf }
    const allowed = await browser.request(`${it.url}/auth/cli`, {
      method: 'POST',
      form,
      headers: { origin: it.url },
    })
    const back = allowed.location ?? ''
    const forged = back.replace(/state=[^&]+/, 'state=somebody-elses-state-of-this-length')
    assert.equal((await fetch(forged)).status, 404)
    assert.equal((await fetch(back)).status, 200)
  }

  assert.deepEqual(failures, [])
  assert.equal(signedIn.exitCode, 0, signedIn.stderr)
  assert.match(signedIn.stdout, /signed in as anna until/)
  const file = join(home, 'mayfly/credentials.json')
  assert.equal(statSync(file).mode & 0o777, 0o600)

  const signer = await it.signer()
  const asked = await it.exchange(signer, it.identityToken({ ref: 'refs/heads/[2Jmain' }))
  const id = String(asked.body['approval_id'])
  const list = await run(['approve'])
  assert.match(list.stdout, new RegExp(`${id} .*release .*octo-org/app`))
  const approved = await run(['approve', id, '--reason', 'planned'])
  assert.equal(approved.exitCode, 0, approved.stderr)
  assert.match(approved.stdout, new RegExp(`${id} is approved`))
  const again = await run(['approve', id])
  assert.equal(again.exitCode, 1)
  assert.match(again.stderr, /is approved already/)
  const denied = await run(['approve', id, '--deny', '--json'])
  assert.equal((JSON.parse(denied.stdout) as { state: string }).state, 'denied')
  const open = await run(['login', '--server', 'http://mayfly.example.com'])
  assert.deepEqual([open.exitCode, /not https/.test(open.stderr)], [2, true])

  const token = (JSON.parse(readFileSync(file, 'utf8')) as Record<string, { token: string }>)[it.url]?.token
  const left = await run(['logout'])
  assert.equal(left.exitCode, 0, left.stderr)
  const headers = { authorization: `Bearer ${token}` }
  assert.equal((await it.call('GET', '/auth/session', { headers })).status, 401)
  const after = await run(['approve'])
  assert.equal(after.exitCode, 1)
  assert.match(after.stderr, /sign in with mayfly login/)
})
