import { signedForAws, type AwsCredentials } from '../clouds/index.ts'
import { awsDomain, partsOf } from '../kinds/index.ts'
import { Secret } from '../lib/index.ts'
import { apiOf, isGood, objectOf } from './api.ts'
import type { HeldConnection, IssuerTools } from './issuer.ts'

/** A registry of ECR: whose it is, and where. */
export interface EcrRegistry {
  readonly account: string
  readonly region: string
}

/** Of a connection to images; undefined for any other host. */
export function ecrRegistry({ kind, host }: Pick<HeldConnection, 'kind' | 'host'>): EcrRegistry | undefined {
  if (kind !== 'oci') return undefined
  const [, account, region] =
    /^([0-9]{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.(?:com|com\.cn|eu)|on\.aws)$/.exec(
      host,
    ) ?? []
  return account === undefined || region === undefined ? undefined : { account, region }
}

/** What a registry's token is for (ECR API Reference, GetAuthorizationToken): it may do what the session may. */
export async function ecrToken(
  { account, region }: EcrRegistry,
  credentials: AwsCredentials,
  connection: HeldConnection,
  tools: IssuerTools,
): Promise<{ readonly username: string; readonly password: Secret }> {
  const url = new URL(`https://api.ecr.${region}.${awsDomain(region)}/`)
  const body = JSON.stringify({ registryIds: [account] })
  const headers = await signedForAws({
    ...{ url, region, credentials, body, service: 'ecr' },
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken',
    },
  })
  const secrets = [credentials.secretAccessKey, credentials.sessionToken ?? ''].filter((one) => one !== '')
  const api = apiOf(url.href, { tools, connection, secrets: secrets.map((one) => new Secret(one)) })
  const answer = await api.ask({ method: 'POST', url: url.href, headers, body })
  if (!isGood(answer)) throw api.refusal(answer, 'the request for a token of its registry')
  const [data] = (objectOf(answer, api)['authorizationData'] ?? []) as { authorizationToken?: unknown }[]
  const token = typeof data?.authorizationToken === 'string' ? data.authorizationToken : ''
  const [, username = '', password = ''] =
    /^([^:]+):(.+)$/s.exec(Buffer.from(token, 'base64').toString()) ?? []
  if (password === '') throw api.odd('no token (authorizationData)')
  return { username, password: new Secret(password) }
}

const reading = ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchCheckLayerAvailability']
const writing = ['ecr:PutImage', 'ecr:InitiateLayerUpload', 'ecr:UploadLayerPart', 'ecr:CompleteLayerUpload']
const byWord: Readonly<Record<string, readonly string[]>> = {
  pull: reading,
  list: ['ecr:ListImages', ...reading],
  push: [...reading, ...writing],
  force: [...reading, ...writing],
  delete: [...reading, 'ecr:BatchDeleteImage'],
}

/** The grants on a registry's images in IAM's words; undefined where they are too many for a session's policy. */
export function ecrPolicy(grants: readonly string[], { account, region }: EcrRegistry): string | undefined {
  const partition = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
  const statements = partsOf(grants).map(({ word, path }) => ({
    Effect: 'Allow',
    Action: byWord[word] ?? reading,
    Resource: `arn:${partition}:ecr:${region}:${account}:repository/${path === '' ? '*' : path}`,
  }))
  const all = [{ Effect: 'Allow', Action: ['ecr:GetAuthorizationToken'], Resource: '*' }, ...statements]
  const text = JSON.stringify({ Version: '2012-10-17', Statement: all })
  return text.length <= 2_048 ? text : undefined
}
