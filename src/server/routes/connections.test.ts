import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connectUri } from '../../identity/index.ts'
import { anna, openServer, policyText } from '../server.fixture.ts'

/** A step with a tunnel of its own to a host of bytes, which echoes. */
async function openWithTunnel(t: TestContext) {
  const echo = createServer((socket) => void socket.on('error', () => undefined).pipe(socket))
  await new Promise<void>((done) => echo.listen(0, '127.0.0.1', done))
  t.after(() => echo.close())
  const { port } = echo.address() as AddressInfo
  const policy = policyText()
    .replace(
      'connections:',
      `connections:\n  cache: { kind: tcp, url: tcp://cache.test:6379, dial: "127.0.0.1:${port}" }`,
    )
    .replace('"1296269" }', '"1296269", event: push }')
    .replace('grants: [git:read', 'grants: [tcp:connect cache, git:read')
  const it = await openServer(t, { policy, gatewayListens: true })
  const signer = await it.signer()
  const session = (await it.exchange(signer, it.identityToken(), 'build')).body
  const json = { name: 'deploy', role: 'build', tier: 'B', command: 'true' }
  const step = (await it.prove(signer, '/v1/steps', { token: String(session['access_token']), json })).body
  const accessToken = String(step['access_token'])
  const open = async (): Promise<Socket> => {
    const authority = 'cache.test:6379'
    for (;;) {
      const dpop = await signer.sign({
        method: 'CONNECT',
        uri: connectUri(it.gateway.url, authority),
        accessToken,
      })
      const socket = connect(Number(new URL(it.gateway.url).port), '127.0.0.1')
      t.after(() => socket.destroy())
      socket.on('error', () => undefined)
      socket.write(
        `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\nProxy-Authorization: DPoP ${accessToken}\r\nDPoP: ${dpop}\r\n\r\n`,
      )
      const [head] = (await once(socket, 'data')) as [Buffer]
      const nonce = /dpop-nonce: (\S+)/i.exec(String(head))?.[1]
      if (nonce === undefined) return socket
      signer.learnNonce(nonce)
    }
  }
  return { it, step, open }
}

test('mayfly connections shows what is open and for whom; kill closes one, and the log has it', async (t) => {
  const { it, step, open } = await openWithTunnel(t)
  const [socket, other] = [await open(), await open()]
  for (const one of [socket, other]) {
    one.write('hello')
    await once(one, 'data')
  }
  const listed = await mayfly(it, ['--json'])
  const { connections } = JSON.parse(listed.stdout) as { connections: Record<string, unknown>[] }
  assert.equal(connections.length, 2)
  const [first] = connections
  const { id, bytes_up: up, bytes_down: down, since, ...shown } = first ?? {}
  const [started] = it.audit.ofType('step.started')
  assert.deepEqual(shown, {
    run: started?.run,
    session: started?.data['session'],
    step: step['step_id'],
    step_name: 'deploy',
    role: 'build',
    connection: 'cache',
    host: 'cache.test:6379',
    requests: 0,
  })
  assert.ok(Number(up) > 'hello'.length && Number(down) > 'hello'.length)
  assert.ok(!Number.isNaN(Date.parse(String(since))))
  assert.match(
    (await mayfly(it, [])).stdout,
    /ID +RUN +STEP.*\n.*con_.*deploy \(build\) +cache +cache\.test:6379/,
  )

  const closed = once(socket, 'close')
  const killed = await mayfly(it, ['kill', String(id)])
  assert.match(killed.stdout, /cache\.test:6379 is closed; step "deploy" goes on/)
  await closed
  assert.equal(other.destroyed, false)
  const left = (await it.asAdmin('GET', '/v1/connections')).body['connections'] as { id: string }[]
  assert.deepEqual(
    left.map((one) => one.id),
    [String(connections[1]?.['id'])],
  )
  const deadlineMs = Date.now() + 30_000
  while (it.audit.ofType('connection.killed').length === 0 && Date.now() < deadlineMs)
    await new Promise((next) => setTimeout(next, 20))
  const [entry] = it.audit.ofType('connection.killed')
  assert.deepEqual(
    [entry?.subject, entry?.data['by'], entry?.data['host'], entry?.data['id']],
    [step['step_id'], 'root', 'cache.test:6379', id],
  )
  const again = await mayfly(it, ['kill', String(id)])
  assert.equal(again.code, 1)
  assert.match(again.stderr, /no open connection called con_/)
})

test('who may: session:read to look, session:revoke to close', async (t) => {
  const { it, open } = await openWithTunnel(t)
  const socket = await open()
  const [one] = (await it.asAdmin('GET', '/v1/connections')).body['connections'] as { id: string }[]
  const { token } = await it.apiTokens.create({ name: 'watcher', scopes: ['session:read'], expiresMs: null })
  const headers = { authorization: `Bearer ${token}` }
  assert.equal((await it.call('GET', '/v1/connections', { headers })).status, 200)
  assert.equal((await it.call('DELETE', `/v1/connections/${one?.id}`, { headers })).status, 403)
  assert.equal((await it.call('GET', '/v1/connections', {})).status, 401)
  assert.equal((await it.asPerson(anna, 'DELETE', `/v1/connections/${one?.id}`)).status, 403)
  assert.equal(socket.destroyed, false)
})

function mayfly(
  it: Awaited<ReturnType<typeof openServer>>,
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const all = [
    '--disable-warning=ExperimentalWarning',
    'src/main/mayfly.ts',
    'connections',
    ...args,
    '--server',
    it.url,
  ]
  const env = { PATH: '/usr/bin:/bin', MAYFLY_TOKEN: it.admin }
  return new Promise((done) =>
    execFile(process.execPath, all, { env, timeout: 60_000 }, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    ),
  )
}
