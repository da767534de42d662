import { signedForAws, type AwsCredentials } from '../clouds/index.ts'
import { durationSeconds, secretName } from '../config/index.ts'
import type { IssuerConfig } from '../connections/index.ts'
import type { HttpAnswer } from '../http-client/index.ts'
import { awsDomain, isAwsHost } from '../kinds/index.ts'
import { MayflyError, Secret } from '../lib/index.ts'
import { apiOf, isGood, type Api } from './api.ts'
import { sessionPolicy } from './aws-session-policy.ts'
import type { CredentialIssuer, HeldConnection, IssuerTools, Minted, MintRequest, Plain } from './issuer.ts'
import { ecrPolicy, ecrRegistry, ecrToken } from './ecr-token.ts'
import { leaseName } from './lease-name.ts'
import { basicIn } from './shown-token.ts'

type Config = IssuerConfig<'aws-role'>
type Request = MintRequest<'aws-role'>

/** STS gives none for less. */
const shortestSeconds = 900

/**
 * Sessions of an IAM role (AWS STS API Reference, AssumeRoleWithWebIdentity and AssumeRole). A session cannot be ended before its
 * time: the gateway alone holds its keys, and forgets them with the step. Its name is the lease's, so CloudTrail names the lease;
 * an operator who must end one earlier denies by `aws:PrincipalTag/mayfly-lease` or `aws:TokenIssueTime`.
 */
export const awsRole: CredentialIssuer<'aws-role'> = {
  name: 'aws-role',
  longestSeconds: 43_200,
  revocation: () => ({ means: 'by_expiry' }),
  plan: ({ lease }) => ({ name: leaseName(lease) }),
  async mint(request, _plan, tools) {
    const { config, connection } = request
    const policy = policyOf(request)
    const asked: Record<string, string> = {
      Version: '2011-06-15',
      RoleArn: config.role,
      RoleSessionName: leaseName(request.lease),
      DurationSeconds: String(lifetimeSeconds(request)),
      ...(policy === undefined ? {} : { Policy: policy }),
    }
    const { answer, api } = await (config.key === undefined
      ? byIdentity(asked, request, tools)
      : byKey(asked, config.key, request, tools))
    if (!isGood(answer)) throw refusal(answer, api, connection, config)
    const minted = mintedBy(answer, api, request, policy !== undefined)
    const registry = ecrRegistry(connection)
    const keys = handleOf(minted.handle)
    if (registry === undefined || keys === undefined) return minted
    const { username, password } = await ecrToken(registry, keys, connection, tools)
    return { ...minted, fields: { password }, authorization: basicIn(username, password.reveal(), api) }
  },
  revoke: async () => 'nothing_to_do',
  async probe({ handle, config, connection }, tools) {
    const keys = handleOf(handle)
    if (keys === undefined) return 'unknown'
    const form = new URLSearchParams({ Action: 'GetCallerIdentity', Version: '2011-06-15' })
    const { answer } = await ask(form, config, connection, tools, keys)
    if (isGood(answer)) return 'alive'
    return /ExpiredToken|InvalidClientTokenId/.test(answer.body.toString()) ? 'dead' : 'unknown'
  },
}

function policyOf({ config, grants, connection }: Request): string | undefined {
  if (config.session_policy === 'none') return undefined
  if (config.session_policy !== 'grants') return config.session_policy
  const registry = ecrRegistry(connection)
  if (registry !== undefined) return ecrPolicy(grants, registry)
  return sessionPolicy(grants, {
    account: connection.settings?.account ?? '',
    regions: connection.settings?.regions ?? [],
  })
}

function lifetimeSeconds({ ttlSeconds, config }: Request): number {
  return Math.max(shortestSeconds, Math.min(ttlSeconds, durationSeconds(config.duration)))
}

interface Asked {
  readonly answer: HttpAnswer
  readonly api: Api
}

/** Tags stand in the token: `https://aws.amazon.com/tags`. */
async function byIdentity(
  asked: Record<string, string>,
  request: Request,
  tools: IssuerTools,
): Promise<Asked> {
  const { config, connection } = request
  const token = await tools.identityToken({
    audience: config.audience,
    subject: request,
    awsSessionTags: true,
  })
  const form = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    ...asked,
    WebIdentityToken: token.reveal(),
  })
  return ask(form, config, connection, tools, undefined, [token])
}

async function byKey(
  asked: Record<string, string>,
  key: string,
  request: Request,
  tools: IssuerTools,
): Promise<Asked> {
  const { config, connection } = request
  const name = secretName(key)
  const pair = (await tools.openSecret(name)).reveal().trim()
  const [, accessKeyId = '', secretAccessKey = ''] = /^(\w{16,128}):(\S+)$/.exec(pair) ?? []
  if (accessKeyId === '')
    throw new MayflyError(
      'bad_input',
      `secret "${name}" is no access key: write ACCESS_KEY_ID:SECRET_ACCESS_KEY`,
    )
  const form = new URLSearchParams({ Action: 'AssumeRole', ...asked, ...tagsOf(request) })
  if (config.external_id !== undefined) form.set('ExternalId', config.external_id)
  return ask(form, config, connection, tools, { accessKeyId, secretAccessKey })
}

/** AWS, "Pass session tags in AWS STS": 128 and 256 characters of this alphabet. */
function tagsOf({ lease, role, run, step, repository }: Request): Record<string, string> {
  const tags = Object.entries({ lease, role, run, step, repository }).filter(
    (one): one is [string, string] =>
      one[1] !== undefined && /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,256}$/u.test(one[1]),
  )
  const written = tags.flatMap(([name, value], i): [string, string][] => [
    [`Tags.member.${i + 1}.Key`, `mayfly-${name}`],
    [`Tags.member.${i + 1}.Value`, value],
  ])
  return { ...Object.fromEntries(written), 'TransitiveTagKeys.member.1': 'mayfly-lease' }
}

async function ask(
  form: URLSearchParams,
  config: Config,
  connection: HeldConnection,
  tools: IssuerTools,
  credentials: AwsCredentials | undefined,
  known: readonly Secret[] = [],
): Promise<Asked> {
  const { regions: [usual = 'us-east-1'] = [] } = connection.settings ?? {}
  const region = ecrRegistry(connection)?.region ?? usual
  const url = new URL(stsOf(config, connection, region))
  const body = form.toString()
  const plain = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8', accept: 'text/xml' }
  const headers =
    credentials === undefined
      ? plain
      : await signedForAws({
          ...{ url, service: 'sts', credentials, headers: plain, body },
          // The one place for all regions is signed for one of them.
          region: /^sts\.amazonaws\.com$/.test(url.hostname) ? 'us-east-1' : region,
        })
  const secrets = [
    ...known,
    ...(credentials === undefined ? [] : [new Secret(credentials.secretAccessKey)]),
    ...(credentials?.sessionToken === undefined ? [] : [new Secret(credentials.sessionToken)]),
  ]
  const api = apiOf(url.href, { tools, connection, secrets })
  return { answer: await api.ask({ method: 'POST', url: url.href, headers, body }), api }
}

function stsOf({ sts }: Config, { url }: HeldConnection, region: string): string {
  if (sts !== undefined) return sts
  return isAwsHost(new URL(url).hostname)
    ? `https://sts.${region}.${awsDomain(region)}/`
    : new URL('/', url).href
}

function mintedBy(answer: HttpAnswer, api: Api, { config }: Request, narrowed: boolean): Minted {
  const xml = answer.body.toString('utf8')
  const one = (name: string) => new RegExp(`<${name}>\\s*([^<\\s]{1,16384})\\s*</${name}>`).exec(xml)?.[1]
  const keys = {
    accessKeyId: one('AccessKeyId'),
    secretAccessKey: one('SecretAccessKey'),
    sessionToken: one('SessionToken'),
  }
  const expiresMs = Date.parse(one('Expiration') ?? '')
  const { accessKeyId, secretAccessKey, sessionToken } = keys
  if (accessKeyId === undefined || secretAccessKey === undefined || sessionToken === undefined)
    throw api.odd('no credentials (AccessKeyId, SecretAccessKey, SessionToken)')
  if (Number.isNaN(expiresMs)) throw api.odd('no Expiration')
  const token = new Secret(sessionToken)
  return {
    fields: {
      access_key_id: new Secret(accessKeyId),
      secret_access_key: new Secret(secretAccessKey),
      session_token: token,
    },
    // What goes over the wire of it: by this its answers are looked through, and a session that its host takes no more is known.
    authorization: token,
    expiresMs,
    handle: { accessKeyId, secretAccessKey, sessionToken },
    facts: { role: config.role, narrowed },
  }
}

/** AWS's own code; its message only where it is no echo of what was sent. */
function refusal(
  answer: HttpAnswer,
  api: Api,
  connection: HeldConnection,
  { role, key }: Config,
): MayflyError {
  const code =
    /<Code>(\w{1,100})<\/Code>/.exec(answer.body.toString('utf8'))?.[1] ?? `status ${answer.status}`
  const advice =
    code === 'AccessDenied'
      ? key === undefined
        ? `let the trust policy of ${role} allow sts:AssumeRoleWithWebIdentity and sts:TagSession to Mayfly’s OIDC provider`
        : `let the trust policy of ${role} allow sts:AssumeRole and sts:TagSession to the key`
      : code === 'PackedPolicyTooLarge' || code === 'MalformedPolicyDocument'
        ? `the session policy is not taken: write session_policy of connection "${connection.name}" yourself, or none`
        : code === 'InvalidIdentityToken' || code === 'IDPCommunicationError'
          ? 'is Mayfly’s URL an identity provider in that account, with this audience, and can AWS reach it?'
          : 'is the role right, and may its sessions last so long?'
  return new MayflyError(
    'credential_failed',
    `${api.whose} answers ${code} to the request for a session: ${advice}`,
  )
}

function handleOf(handle: Plain | undefined): AwsCredentials | undefined {
  const { accessKeyId, secretAccessKey, sessionToken } = (handle ?? {}) as Partial<AwsCredentials>
  return accessKeyId === undefined || secretAccessKey === undefined || sessionToken === undefined
    ? undefined
    : { accessKeyId, secretAccessKey, sessionToken }
}
