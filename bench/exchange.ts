import { Agent, request } from 'node:http'
import { SignJWT, createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose'
import { createProofSigner, createProofVerifier } from '../src/identity/index.ts'
import { systemClock } from '../src/lib/index.ts'
import { githubClaims } from '../demo/peers/issuer.ts'
import { setStage } from '../demo/stage.ts'
import { openLoad, writePost } from './load.ts'
import type { BenchResult } from './result.ts'
import { median, percentile } from './statistics.ts'

/**
 * Token exchanges a second at full load, durable, against what the signatures alone cost in this run; and the
 * latency at half of that load; under policies of more and more roles. The load comes from this process, on the same
 * machine.
 */
export async function benchExchange(): Promise<BenchResult[]> {
  const results: BenchResult[] = []
  for (const roles of [10, 1_000, 10_000]) results.push(...(await benchWith(roles)))
  return [...results, await firstNonceMs()]
}

/** The example's two roles, and as many more as are missing, of other repositories. */
function withRoles(text: string, count: number): string {
  const more = Array.from(
    { length: count - 2 },
    (_, i) => `  r${i}: { trust: { issuer: ci, repository_id: "${i}" }, grants: ["git:read git/o/r${i}"] }\n`,
  )
  return `${text.trimEnd()}\n${more.join('')}`
}

async function benchWith(roles: number): Promise<BenchResult[]> {
  await using stage = await setStage({ policy: (text) => withRoles(text, roles) })
  const uri = `${stage.server}/oauth/token`
  const signer = await createProofSigner({ clock: systemClock })
  const askNonce = async () =>
    signer.learnNonce((await fetch(`${stage.server}/.well-known/jwks.json`)).headers.get('dpop-nonce'))
  const load = await openLoad(stage.server, 64)
  const prepare = async (count: number) => {
    await askNonce()
    return Promise.all(
      Array.from({ length: count }, async () => {
        const body = new URLSearchParams({
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token: await stage.issuer.sign(stage.server),
          subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
          scope: 'build',
        })
        return writePost(uri, { dpop: await signer.sign({ method: 'POST', uri }) }, body.toString())
      }),
    )
  }
  const sendAll = async (requests: readonly Buffer[]) => {
    await Promise.all(requests.map((request) => load.send(request)))
  }
  // A server runs for weeks: what the first thousands of requests pay for being compiled is not what it does.
  await sendAll(await prepare(4000))

  const requests = await prepare(4000)
  await signatureMs()
  // Before and after, since a machine that is shared is now faster and now slower.
  const before = await signatureMs()
  const startedMs = performance.now()
  await sendAll(requests)
  const perSecond = requests.length / ((performance.now() - startedMs) / 1000)
  const after = await signatureMs()

  const half = await prepare(Math.min(5000, Math.round(perSecond / 2) * 4))
  const gapMs = 1000 / (perSecond / 2)
  const began = performance.now()
  const latencies = await Promise.all(
    half.map(async (one, i) => {
      const dueMs = began + i * gapMs
      await new Promise((wake) => setTimeout(wake, Math.max(0, dueMs - performance.now())))
      await load.send(one)
      // From when it was due: a request that had to wait for its turn counts its wait.
      return performance.now() - dueMs
    }),
  )
  load.close()
  const two = 2000 / (before.verify + before.sign + after.verify + after.sign)
  const three = 2000 / (2000 / two + before.proof + after.proof)
  const p99 = percentile(latencies, 99)
  return [
    {
      name: `token exchange, durable, ${roles} roles`,
      value: perSecond,
      unit: '/s',
      ratio: perSecond / two,
      against: `its two signatures alone: ${two.toFixed(0)}/s`,
      target: 'at least 0.5',
      ok: perSecond / two >= 0.5,
    },
    {
      name: 'the same, against all three it checks or makes',
      value: perSecond,
      unit: '/s',
      ratio: perSecond / three,
      against: `with the DPoP proof: ${three.toFixed(0)}/s`,
    },
    { name: `the same at half load, p50`, value: median(latencies), unit: 'ms' },
    { name: 'the same at half load, p99', value: p99, unit: 'ms', target: '< 15 ms', ok: p99 < 15 },
  ]
}

/** What a supervisor's first exchange pays for having to ask for a nonce, on this machine: one more round trip. */
async function firstNonceMs(): Promise<BenchResult> {
  await using stage = await setStage()
  const samples: number[] = []
  for (let i = 0; i < 200; i++) {
    const agent = new Agent({ keepAlive: true })
    const startedMs = performance.now()
    await new Promise<void>((resolve, reject) => {
      request(`${stage.server}/.well-known/oauth-authorization-server`, { agent }, (response) => {
        response.resume().once('end', resolve)
      })
        .once('error', reject)
        .end()
    })
    samples.push(performance.now() - startedMs)
    agent.destroy()
  }
  return {
    name: 'connect and ask for the first nonce, while the CI makes the token',
    value: median(samples),
    unit: 'ms',
  }
}

/** Median milliseconds of each signature operation, one after the other, with the same library and the same tokens. */
async function signatureMs(): Promise<{ verify: number; sign: number; proof: number }> {
  const rsa = await generateKeyPair('RS256')
  const jwks = createLocalJWKSet({ keys: [{ ...(await exportJWK(rsa.publicKey)), kid: 'k', alg: 'RS256' }] })
  const ec = await generateKeyPair('ES256')
  const token = await new SignJWT({ ...githubClaims, iss: 'i', aud: 'a' })
    .setProtectedHeader({ alg: 'RS256', kid: 'k' })
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(rsa.privateKey)
  const signer = await createProofSigner({ clock: systemClock })
  const proofs = createProofVerifier({ clock: systemClock })
  const expected = { method: 'POST', uri: 'http://x/oauth/token' }
  const ready = await Promise.all(Array.from({ length: 600 }, () => signer.sign(expected)))
  const time = async (work: (i: number) => Promise<unknown>) => {
    const samples: number[] = []
    for (let i = 0; i < 600; i++) {
      const startedMs = performance.now()
      await work(i)
      samples.push(performance.now() - startedMs)
    }
    return median(samples.slice(100))
  }
  return {
    verify: await time(() => jwtVerify(token, jwks, { issuer: 'i', audience: 'a' })),
    sign: await time(() =>
      new SignJWT({ scope: 'build', cnf: { jkt: 'x' } })
        .setProtectedHeader({ alg: 'ES256' })
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(ec.privateKey),
    ),
    proof: await time((i) => proofs.verify(ready[i], expected)),
  }
}
