import { connect, type Socket } from 'node:net'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { connectUri, createProofSigner } from '../src/identity/index.ts'
import { systemClock } from '../src/lib/index.ts'
import { setStage } from '../demo/stage.ts'
import type { BenchResult } from './result.ts'
import { median, percentile } from './statistics.ts'

const connections = 200
const rounds = 10

/**
 * From the moment the operator's request goes out to the moment each open connection of the revoked run is cut, over
 * 200 connections of 200 steps, as the far end of each sees it.
 */
export async function benchRevoke(): Promise<BenchResult[]> {
  const upstream = createServer((_request, response) => void response.writeHead(200))
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  const { port } = upstream.address() as AddressInfo
  // A plain target on loopback: what is measured is the cut, not the dialling.
  const policy = (text: string) =>
    text
      .replace('connections:\n', `connections:\n  plain: { kind: git, url: http://127.0.0.1:${port} }\n`)
      .replace('grants:\n', 'grants:\n      - git:read plain/x/y\n')
  await using stage = await setStage({ policy, upArguments: ['--heartbeat-seconds', '600'] })
  const samples: number[] = []
  for (let round = 0; round < rounds; round++) samples.push(...(await revokeOnce(stage, `127.0.0.1:${port}`)))
  upstream.closeAllConnections()
  upstream.close()
  const p99 = percentile(samples, 99)
  return [
    {
      name: `revocation, ${connections} open connections, p50 of their cuts`,
      value: median(samples),
      unit: 'ms',
    },
    { name: 'the same, p99', value: p99, unit: 'ms', target: '< 100 ms', ok: p99 < 100 },
  ]
}

async function revokeOnce(
  stage: { server: string; operatorToken: string; issuer: { sign(audience: string): Promise<string> } },
  authority: string,
): Promise<number[]> {
  const signer = await createProofSigner({ clock: systemClock })
  const post = async (path: string, headers: Record<string, string>, body: string) => {
    const response = await fetch(`${stage.server}${path}`, { method: 'POST', headers, body })
    signer.learnNonce(response.headers.get('dpop-nonce'))
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
    return (await response.json()) as Record<string, string>
  }
  const prove = async (path: string, token?: string) => ({
    dpop: await signer.sign({
      method: 'POST',
      uri: `${stage.server}${path}`,
      ...(token === undefined ? {} : { accessToken: token }),
    }),
    ...(token === undefined ? {} : { authorization: `DPoP ${token}` }),
  })
  signer.learnNonce((await fetch(`${stage.server}/.well-known/jwks.json`)).headers.get('dpop-nonce'))
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: await stage.issuer.sign(stage.server),
    subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    scope: 'build',
  }).toString()
  const session = await post(
    '/oauth/token',
    { ...(await prove('/oauth/token')), 'content-type': 'application/x-www-form-urlencoded' },
    form,
  )
  const token = session['access_token'] ?? ''
  const sockets: Socket[] = []
  for (let i = 0; i < connections; i++) {
    const step = await post(
      '/v1/steps',
      { ...(await prove('/v1/steps', token)), 'content-type': 'application/json' },
      JSON.stringify({ name: 'x', role: 'build', tier: 'B', command: 'x' }),
    )
    const { gateway = '', access_token = '' } = step
    const proof = await signer.sign({
      method: 'CONNECT',
      uri: connectUri(gateway, authority),
      accessToken: access_token,
    })
    sockets.push(await tunnel(gateway, authority, access_token, proof))
  }
  const cuts = sockets.map((socket) => once(socket, 'close').then(() => performance.now()))
  const startedMs = performance.now()
  const revoked = await fetch(`${stage.server}/v1/revoke`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stage.operatorToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ run: session['run_id'] }),
  })
  if (!revoked.ok) throw new Error(`revoke answered ${revoked.status}`)
  return (await Promise.all(cuts)).map((cutMs) => cutMs - startedMs)
}

async function tunnel(gateway: string, authority: string, token: string, proof: string): Promise<Socket> {
  const { hostname, port } = new URL(gateway)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  socket.write(
    `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\nProxy-Authorization: DPoP ${token}\r\nDPoP: ${proof}\r\n\r\n`,
  )
  const [answer] = (await once(socket, 'data')) as [Buffer]
  if (!answer.toString().startsWith('HTTP/1.1 200')) throw new Error(answer.toString())
  return socket
}
