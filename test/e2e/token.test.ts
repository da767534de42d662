import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { projectFolder } from '../../demo/stage.ts'

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const claims = { iss: 'https://ci.test', sub: 'job-7', aud: 'https://mayfly.test', secret_of_the_job: 'x' }
const token = `${part({ alg: 'ES256' })}.${part(claims)}.c2lnbmF0dXJl`

// A fake of GitHub's endpoint, written after docs.github.com, "Methods for requesting the OIDC token".
const audiences: (string | null)[] = []
const server = createServer((request, response) => {
  audiences.push(new URL(request.url ?? '', 'http://x').searchParams.get('audience'))
  response.end(JSON.stringify({ value: token }))
})
before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
after(() => {
  server.closeAllConnections()
  server.close()
})

async function mayfly(args: readonly string[], more: Record<string, string> = {}) {
  const { port } = server.address() as AddressInfo
  const env = {
    PATH: '/usr/bin:/bin',
    GITHUB_ACTIONS: 'true',
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'bearer',
    ...more,
  }
  const node = ['--disable-warning=ExperimentalWarning', 'src/main/mayfly.ts', ...args]
  const child = spawn(process.execPath, node, { cwd: projectFolder, env })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [exitCode] = (await once(child, 'close')) as [number]
  return { exitCode, stdout, stderr }
}

test('the token itself is shown only to who asks for it, its claims never with the signature', async () => {
  const at = ['token', '--server', 'https://mayfly.test/']
  const shown = await mayfly(at)
  assert.equal(shown.exitCode, 0, shown.stderr)
  assert.match(
    shown.stdout,
    /^iss {2}"https:\/\/ci\.test"\nsub {2}"job-7"\naud {2}"https:\/\/mayfly\.test"\n/,
  )
  const all = await mayfly([...at, '--claims'])
  assert.deepEqual(JSON.parse(all.stdout), claims)
  for (const { stdout, stderr } of [shown, all]) assert.doesNotMatch(stdout + stderr, /c2lnbmF0dXJl/)
  assert.equal((await mayfly([...at, '--print'])).stdout, `${token}\n`)
  assert.deepEqual(JSON.parse((await mayfly([...at, '--print', '--json'])).stdout), { token })
})

test('the audience: as asked for, else the variable’s, else the server’s URL', async () => {
  const variables = { MAYFLY_SERVER: 'https://server.test/', MAYFLY_AUDIENCE: 'its-own' }
  audiences.length = 0
  await mayfly(['token', '--audience', 'https://asked.test'], variables)
  await mayfly(['token'], variables)
  await mayfly(['token'], { MAYFLY_SERVER: variables.MAYFLY_SERVER })
  assert.deepEqual(audiences, ['https://asked.test', 'its-own', 'https://server.test'])
})

test('what is missing is said in one line', async () => {
  const nobody = await mayfly(['token'])
  assert.equal(nobody.exitCode, 2)
  assert.match(nobody.stderr, /^mayfly: say what the token shall be for: --audience URL[^\n]*\n$/)
  const none = await mayfly(['token', '--audience', 'x'], { ACTIONS_ID_TOKEN_REQUEST_TOKEN: '' })
  assert.equal(none.exitCode, 1)
  assert.match(none.stderr, /^mayfly: this job has no identity token: give the job `permissions[^\n]*\n$/)
})

test('the subcommands for API tokens stay, with options of their own', async () => {
  const ran = await mayfly(['token', 'list', '--server', 'http://127.0.0.1:1', '--json'], {
    MAYFLY_TOKEN: 'x',
  })
  assert.equal(ran.exitCode, 3)
  assert.equal((JSON.parse(ran.stderr) as { error: string }).error, 'upstream_unreachable')
  assert.equal((await mayfly(['token', 'lst', '--audience', 'x'])).exitCode, 2)
})
