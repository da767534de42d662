import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import type { StoredRunArtifacts } from '../../broker/index.ts'
import type { GrantEntry } from '../../config/index.ts'
import type { Attestations } from '../attested.ts'
import { compileRules, gitHost, openWorld, request, type Answer, type World } from '../gateway.fixture.ts'
import { type Seen } from '../upstream.fixture.ts'

export type Reply = {
  status: number
  headers?: Record<string, string>
  body?: Buffer | string
}

export const registryHost = gitHost

/** A gateway with a registry, `images`, whose answers the test writes: what is asked for that it has no answer for is 404. */
export async function openRegistryWorld(
  t: TestContext,
  grants: readonly GrantEntry[],
  options: {
    connection?: Record<string, unknown>
    ca?: string
    artifacts?: StoredRunArtifacts
    attestations?: Attestations
  } = {},
): Promise<RegistryWorld> {
  const { artifacts, attestations } = options
  const world = await openWorld(t, {
    ...(artifacts === undefined ? {} : { artifacts }),
    ...(attestations === undefined ? {} : { attestations }),
  })
  const { upstream } = world
  const { targets, policy } = compileRules(
    {
      images: {
        kind: 'oci',
        url: `https://${registryHost}`,
        dial: `127.0.0.1:${upstream.port}`,
        ca: `${upstream.ca}\n${options.ca ?? ''}`,
        credential: { basic: 'secret:images' },
        ...options.connection,
      },
    },
    grants,
  )
  world.setTargets(targets, policy)
  const replies = new Map<string, Reply | ((seen: Seen) => Reply)>()
  upstream.handle = (incoming, response) => {
    const seen = upstream.seen.at(-1) as Seen
    const reply = replies.get(`${incoming.method} ${incoming.url}`) ?? { status: 404 }
    const { status, headers = {}, body = '' } = typeof reply === 'function' ? reply(seen) : reply
    response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body)
  }
  return {
    world,
    replies,
    ask: (method, path, asked = {}) => world.ask(request(method, path, asked)),
    requests: () => upstream.seen.map(({ method, url }) => `${method} ${url}`),
    seen: () => upstream.seen,
  }
}

export interface RegistryWorld {
  readonly world: World
  /** By method and path, as the registry is asked. */
  readonly replies: Map<string, Reply | ((seen: Seen) => Reply)>
  ask(
    method: string,
    path: string,
    asked?: { headers?: Record<string, string>; body?: string | Buffer },
  ): Promise<Answer>
  requests(): string[]
  seen(): readonly Seen[]
}

export function digest(bytes: string | Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

export const manifestType = 'application/vnd.oci.image.manifest.v1+json'
export const indexType = 'application/vnd.oci.image.index.v1+json'

/** A manifest with one layer. */
export function manifestOf(layer: string | Buffer, more: Record<string, unknown> = {}): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digest('{}'), size: 2 },
      layers: [
        { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digest(layer), size: layer.length },
      ],
      ...more,
    }),
  )
}

/** The text of the first error, in the registry's form. */
export function errorOf({ body }: Answer): { code: string; message: string } {
  const { errors } = JSON.parse(body) as { errors: { code: string; message: string }[] }
  return errors[0] ?? { code: '', message: '' }
}
