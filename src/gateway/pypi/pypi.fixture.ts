import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import type { GrantEntry } from '../../config/index.ts'
import { packLockfiles } from '../../lockfiles/index.ts'
import type { Attestations } from '../attested.ts'
import type { Downloaded } from '../downloads/recorded.ts'
import { compileRules, gitHost, openWorld, request, type Answer, type World } from '../gateway.fixture.ts'

export type Reply = { status?: number; headers?: Record<string, string>; body?: string | Buffer }

export const hex = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex')
export const json = 'application/vnd.pypi.simple.v1+json'

/** A gateway with an index, `pypi`, whose answers the test writes: what it has no answer for is 404. */
export async function openIndexWorld(
  t: TestContext,
  grants: readonly GrantEntry[],
  options: {
    requirements?: string
    lockfiles?: Record<string, string>
    storage?: string
    ca?: string
    connection?: Record<string, unknown>
    attestations?: Attestations
  } = {},
) {
  const { attestations } = options
  const world = await openWorld(t, attestations === undefined ? {} : { attestations })
  const { upstream } = world
  const rules = compileRules(
    {
      pypi: {
        kind: 'pypi',
        url: `https://${gitHost}/base`,
        dial: `127.0.0.1:${upstream.port}`,
        ca: `${upstream.ca}\n${options.ca ?? ''}`,
        credential: { basic: 'secret:pypi' },
        ...(options.storage === undefined ? {} : { storage: [options.storage] }),
        ...options.connection,
      },
    },
    grants,
  )
  world.setTargets(rules.targets, rules.policy)
  const replies = new Map<string, Reply>()
  upstream.handle = (incoming, response) => {
    const found = replies.get(`${incoming.method} ${incoming.url}`)
    const { status = 200, headers = {}, body = '' } = found ?? { status: 404 }
    response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body)
  }
  const { requirements, lockfiles = requirements === undefined ? {} : { 'requirements.txt': requirements } } =
    options
  const files = Object.entries(lockfiles).map(([path, text]) => ({ path, text }))
  if (files.length > 0) await world.gateway.pinLockfiles(world.step, packLockfiles(files))
  return {
    world,
    replies,
    /** Below the connection's base path. */
    ask: (method: string, path: string, asked: Parameters<typeof request>[2] = {}): Promise<Answer> =>
      world.ask(request(method, `/base${path}`, asked)),
    asked: () => upstream.seen.map(({ method, url }) => `${method} ${url}`),
    page(project: string, files: readonly Record<string, unknown>[], version = '1.1') {
      const body = JSON.stringify({ meta: { 'api-version': version }, name: project, files })
      replies.set(`GET /base/simple/${project}/`, { headers: { 'content-type': json }, body })
    },
    html(project: string, body: string) {
      replies.set(`GET /base/simple/${project}/`, { headers: { 'content-type': 'text/html' }, body })
    },
  }
}

export type IndexWorld = Awaited<ReturnType<typeof openIndexWorld>>

/** What the step was given, as the record has it. */
export async function downloadsOf({ gateway, step, audit }: World): Promise<Downloaded[]> {
  await gateway.recordDownloads(step)
  return audit.ofType('packages.downloaded').flatMap(({ data }) => data['packages'] as Downloaded[])
}
