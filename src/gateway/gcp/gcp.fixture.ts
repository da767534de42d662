import type { TestContext } from 'node:test'
import { gcpStandIn } from '../../kinds/index.ts'
import { compileRules, openWorld, request, type Answer, type World } from '../gateway.fixture.ts'
import { startUpstream, type Upstream } from '../upstream.fixture.ts'

export interface Asking {
  readonly method?: string
  readonly host?: string
  /** As it is written in the request, with its query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Instead of the stand-in; empty for none. */
  readonly token?: string
}

export const hosts = {
  storage: 'storage.googleapis.com',
  bucket: 'releases.storage.googleapis.com',
  run: 'europe-west1-run.googleapis.com',
  iam: 'iam.googleapis.com',
  oauth2: 'oauth2.googleapis.com',
}

export interface GcpWorld extends World {
  readonly google: Upstream
  askGoogle(asking: Asking): Promise<Answer>
}

/** Two projects on one fake Google, whose tokens are what the broker's stub gives for each. */
export async function openGcp(t: TestContext, grants: readonly string[]): Promise<GcpWorld> {
  const world = await openWorld(t)
  const google = await startUpstream(t, [...Object.values(hosts), 'www.googleapis.com', 'sts.googleapis.com'])
  const place = {
    ...{ kind: 'gcp', project: 'octo-prod', ca: google.ca },
    ...{ dial: `127.0.0.1:${google.port}`, credential: { bearer: 'secret:gcp' } },
  }
  const rules = compileRules({ prod: place, lab: { ...place, project: 'octo-lab' } }, [
    ...grants,
    'gcp:read lab/storage.objects.get/lab/*',
  ])
  world.setTargets(rules.targets, rules.policy)
  return Object.assign(world, {
    google,
    askGoogle({ method = 'GET', host = hosts.storage, path, headers = {}, body = '', token }: Asking) {
      const shown = token ?? gcpStandIn('prod')
      return world.ask(
        request(method, path, {
          host,
          headers: { ...(shown === '' ? {} : { authorization: `Bearer ${shown}` }), ...headers },
          ...(body === '' ? {} : { body }),
        }),
        { authority: `${host}:443` },
      )
    },
  })
}
