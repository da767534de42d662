import { formOf, type SampledForm } from '../lib/index.ts'
import type { Kind, KindSettings, KnownConnection, SettingsFile } from './kind.ts'

/** Names of objects have 1,024 bytes, and a byte that is escaped takes three characters. */
const maxResourceChars = 3_600

const call = formOf({
  rule: 'a permission as IAM calls it (SERVICE.RESOURCE.VERB), with `*` behind the service alone, or SERVICE:METHOD',
  is: (name) => /^[a-z][a-z0-9]{0,62}(?:(?:\.[A-Za-z][A-Za-z0-9]{0,60}){2,3}|:[A-Z]{1,10})$/.test(name),
  fillers: ['x', '', 'x.x', 'X'],
})
const namesService = (pattern: string) => /^[^*]*[.:]/.test(pattern)

/** One that named no service would be for IAM, too: whoever grants that says so. */
const callOfService: SampledForm = {
  ...call,
  witness: (pattern) => (namesService(pattern) ? call.witness(pattern) : undefined),
  possible: (pattern) => namesService(pattern) && call.possible(pattern),
}

const resource = formOf({
  rule: 'the resource (`bucket/object`, `locations/europe-west1/services/web`), other characters as %XX, or `~` where there is none',
  is: (name) =>
    name.length <= maxResourceChars && /^(?:[A-Za-z0-9._~!$&'()+,=:@/-]|%[0-9A-F]{2})+$/.test(name),
  fillers: ['x', ''],
  mend: (pattern) => pattern.replaceAll(/[^A-Za-z0-9._~!$&'()+,=:@/*%-]/g, (one) => encodeURIComponent(one)),
})

export const gcp = {
  about:
    'A Google Cloud project: grants name a permission in IAM’s words and the resource: `gcp:call prod/storage.objects.create/releases/app/*`.',
  transport: 'http',
  url: 'https://storage.googleapis.com',
  basePath: '',
  byStandIn: true,
  rawTargets: true,
  serves: (_: KindSettings, url: string): readonly string[] =>
    isGoogleHost(new URL(url).hostname) ? ['*.googleapis.com'] : [],
  doors: doorsOf,
  path: { form: callOfService, noun: 'permission', example: 'storage.objects.get' },
  ref: { form: resource, noun: 'resource', example: 'bucket/folder/*' },
  refMark: '/',
  settings: ['project'],
  needs: ['project'],
  tells: ['project'],
  credentials: ['bearer', 'gcp-service-account'],
  actions: {
    // What changes nothing, and hands out no secret.
    'gcp:read': { path: 'required', ref: 'optional', write: false },
    'gcp:call': { path: 'required', ref: 'optional', write: true, includes: ['gcp:read'] },
  },
  variables(connections, inside): Readonly<Record<string, string>> {
    const [first] = connections
    if (first === undefined) return {}
    const { project = '' } = first.settings ?? {}
    const { hostname, origin } = new URL(first.url)
    return {
      ...{ GOOGLE_CLOUD_PROJECT: project, CLOUDSDK_CORE_PROJECT: project },
      ...{ CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE: inside.ca },
      // There is no machine of Google's around the step: nobody need wait for one that does not answer.
      ...{ NO_GCE_CHECK: 'true', METADATA_SERVER_DETECTION: 'none' },
      ...(isGoogleHost(hostname) ? {} : { STORAGE_EMULATOR_HOST: origin }),
    }
  },
  settingsFiles: (connections) => [...connections.flatMap(filesOf)],
} as const satisfies Kind

export function isGoogleHost(host: string): boolean {
  return host.endsWith('.googleapis.com')
}

/** What tools show in a step: it opens nothing, and says which connection is meant. */
export function gcpStandIn(connection: string): string {
  return `mayfly-stand-in-${connection}`
}

/**
 * A login in the form that Google's libraries and Terraform read (`authorized_user`), and a token in the form that gcloud reads:
 * the gateway answers at Google's token endpoint itself. The first connection's are what tools take that are told none.
 */
function filesOf({ name }: KnownConnection, index: number): SettingsFile[] {
  const standIn = gcpStandIn(name)
  const login = {
    type: 'authorized_user',
    ...{ client_id: 'mayfly', client_secret: 'held-by-the-gateway', refresh_token: standIn },
  }
  return [
    {
      name: `gcp-${name}.json`,
      ...(index === 0 ? { variable: 'GOOGLE_APPLICATION_CREDENTIALS' } : {}),
      text: `${JSON.stringify(login, undefined, 2)}\n`,
    },
    {
      name: `gcp-${name}-token`,
      ...(index === 0 ? { variable: 'CLOUDSDK_AUTH_ACCESS_TOKEN_FILE' } : {}),
      text: standIn,
    },
  ]
}

const grantForm = /^gcp:[a-z]+ (?<connection>[^\s/]+)\/(?<service>[a-z0-9]+)[.:]/

/** Where tools get their token, and the hosts of the services that the grants name. */
function doorsOf({ name, url }: KnownConnection, grants: readonly string[]): string[] {
  if (!isGoogleHost(new URL(url).hostname)) return []
  const services = grants.flatMap((grant) => {
    const { connection, service = '' } = grantForm.exec(grant)?.groups ?? {}
    return connection === name ? [service] : []
  })
  return [...new Set(['oauth2', 'www', ...services])].map((service) => `${service}.googleapis.com`)
}
