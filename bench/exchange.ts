import { spawn } from 'node:child_process'
import { Agent, request } from 'node:http'
import { createProofSigner } from '../src/identity/index.ts'
import { systemClock } from '../src/lib/index.ts'
import { setStage, type Stage } from '../demo/stage.ts'
import { type Load, openLoad, writePost } from './load.ts'
import type { BenchResult } from './result.ts'
import { signatureCost } from './signatures.ts'
import { median, percentile } from './statistics.ts'

/**
 * As many as wait at once when jobs come faster than they are served. With fewer a server at its limit still idles:
 * all of them are at one station of their way, and the others have nothing to do.
 */
const clients = 256
const requestsAtFull = 4000

/**
 * Token exchanges a second at full load, durable, and the latency at half of that load; under policies of more and more
 * roles. Against what its signatures alone cost, and against the least that such a server can do at the same load, all
 * in this run. The load comes from this process, on the same machine.
 */
export async function benchExchange(): Promise<BenchResult[]> {
  const results: BenchResult[] = []
  for (const roles of [10, 1_000, 10_000]) results.push(...(await benchWith(roles)))
  return [...results, await firstNonceMs()]
}

async function benchWith(roles: number): Promise<BenchResult[]> {
  await using stage = await setStage({ policy: (text) => withRoles(text, roles) })
  const load = await openLoad(stage.server, clients)
  const prepare = await preparer(stage)
  const full = await atFullLoad(load, prepare)
  const perSecond = full.perSecond / 2
  const ours = await atLoad(load, await prepare(fewSeconds(perSecond)), perSecond)
  load.close()
  const least = await leastServer(stage.folder, perSecond)
  const p99 = percentile(ours, 99)
  const leastP99 = percentile(least.latencies, 99)
  const [byJose, byOpenssl] = [1000 / full.cost.jose, 1000 / full.cost.openssl]
  return [
    {
      name: `token exchange, durable, ${roles} roles, ${clients} clients`,
      value: full.perSecond,
      unit: '/s',
      ratio: full.perSecond / byJose,
      against: `its two signatures alone, by jose: ${byJose.toFixed(0)}/s`,
      target: 'at least 0.5',
      ok: full.perSecond / byJose >= 0.5,
    },
    {
      name: 'the same, against the bare calls',
      value: full.perSecond,
      unit: '/s',
      ratio: full.perSecond / byOpenssl,
      against: `the two by OpenSSL, no token read or written: ${byOpenssl.toFixed(0)}/s`,
    },
    {
      name: 'the same, against the least server',
      value: full.perSecond,
      unit: '/s',
      ratio: full.perSecond / least.perSecond,
      against: `HTTP, three signatures, two fsyncs: ${least.perSecond.toFixed(0)}/s`,
    },
    { name: `the same at half load (${perSecond.toFixed(0)}/s), p50`, value: median(ours), unit: 'ms' },
    {
      name: 'the same at half load, p99',
      value: p99,
      unit: 'ms',
      ratio: p99 / leastP99,
      against: `the least server at this load: ${leastP99.toPrecision(3)} ms`,
      target: '< 15 ms',
      ok: p99 < 15,
    },
  ]
}

/** The example's two roles, and as many more as are missing, of other repositories. */
function withRoles(text: string, count: number): string {
  const more = Array.from(
    { length: count - 2 },
    (_, i) => `  r${i}: { trust: { issuer: ci, repository_id: "${i}" }, grants: ["git:read git/o/r${i}"] }\n`,
  )
  return `${text.trimEnd()}\n${more.join('')}`
}

type Prepare = (count: number) => Promise<Buffer[]>

/** Makes requests beforehand, each with a token and a proof of its own. */
async function preparer(stage: Stage): Promise<Prepare> {
  const uri = `${stage.server}/oauth/token`
  const signer = await createProofSigner({ clock: systemClock })
  const make = async () => {
    const body = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: await stage.issuer.sign(stage.server),
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      scope: 'build',
    })
    return writePost(uri, { dpop: await signer.sign({ method: 'POST', uri }) }, body.toString())
  }
  return async (count) => {
    const { headers } = await fetch(`${stage.server}/.well-known/jwks.json`)
    signer.learnNonce(headers.get('dpop-nonce'))
    return Promise.all(Array.from({ length: count }, make))
  }
}

async function atFullLoad(load: Load, prepare: Prepare) {
  // A server runs for weeks: what the first thousands of requests pay for being compiled is not what it does.
  await perSecondOf(load, await prepare(requestsAtFull))
  const requests = await prepare(requestsAtFull)
  await signatureCost()
  // Before and after, since a machine that is shared is now faster and now slower.
  const before = await signatureCost()
  const perSecond = await perSecondOf(load, requests)
  const after = await signatureCost()
  const mean = (name: 'jose' | 'openssl') => (before[name] + after[name]) / 2
  return { perSecond, cost: { jose: mean('jose'), openssl: mean('openssl') } }
}

async function perSecondOf(load: Load, requests: readonly Buffer[]): Promise<number> {
  const startedMs = performance.now()
  await Promise.all(requests.map((one) => load.send(one)))
  return requests.length / ((performance.now() - startedMs) / 1000)
}

/** Sends them one after the other at that pace, whatever becomes of them; milliseconds of each. */
async function atLoad(load: Load, requests: readonly Buffer[], perSecond: number): Promise<number[]> {
  const gapMs = 1000 / perSecond
  const beganMs = performance.now()
  return Promise.all(
    requests.map(async (one, i) => {
      const dueMs = beganMs + i * gapMs
      await new Promise((wake) => setTimeout(wake, Math.max(0, dueMs - performance.now())))
      await load.send(one)
      // From when it was due: a request that had to wait for its turn counts its wait.
      return performance.now() - dueMs
    }),
  )
}

function fewSeconds(perSecond: number): number {
  return Math.min(5000, Math.round(perSecond * 4))
}

/** The same load on `least-server.ts`, in a process of its own. */
async function leastServer(
  folder: string,
  pace: number,
): Promise<{ perSecond: number; latencies: number[] }> {
  const path = new URL('./least-server.ts', import.meta.url).pathname
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', path, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const port = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (data) => resolve(String(data).trim()))
      child.once('exit', (code) => reject(new Error(`the least server ended with ${code}`)))
    })
    const load = await openLoad(`http://127.0.0.1:${port}`, clients)
    const one = writePost(`http://127.0.0.1:${port}/`, {}, 'x'.repeat(2000))
    const many = (count: number) => Array.from({ length: count }, () => one)
    await perSecondOf(load, many(requestsAtFull))
    const perSecond = await perSecondOf(load, many(requestsAtFull))
    const latencies = await atLoad(load, many(fewSeconds(pace)), pace)
    load.close()
    return { perSecond, latencies }
  } finally {
    child.kill()
  }
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
