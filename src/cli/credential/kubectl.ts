import { z } from 'zod'
import { MayflyError } from '../../lib/index.ts'
import type { HandedCredential } from '../../runner/index.ts'
import { oneLine, readPlace, type Place } from './place.ts'

const apiVersions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'] as const

const execInfo = z.object({
  apiVersion: z.enum(apiVersions),
  kind: z.literal('ExecCredential'),
  spec: z.object({ cluster: z.object({ server: z.string().max(2_000) }).optional() }),
})

export interface KubectlQuestion {
  readonly apiVersion: (typeof apiVersions)[number]
  /** The cluster, where the kubeconfig says `provideClusterInfo`. */
  readonly cluster: Place | undefined
}

/** What kubectl tells in KUBERNETES_EXEC_INFO (client.authentication.k8s.io/v1). Throws `bad_input` for what is none. */
export function readExecInfo(text: string | undefined): KubectlQuestion {
  if (text === undefined) return { apiVersion: apiVersions[0], cluster: undefined }
  const parsed = execInfo.safeParse(parseJson(text))
  const server = parsed.data?.spec.cluster?.server
  const cluster = server === undefined ? undefined : readPlace(server)
  if (!parsed.success || (server !== undefined && cluster === undefined))
    throw new MayflyError(
      'bad_input',
      `KUBERNETES_EXEC_INFO is no ExecCredential of ${apiVersions.join(' or ')}: kubectl sets it`,
    )
  return { apiVersion: parsed.data.apiVersion, cluster }
}

export function writeExecCredential(
  { fields, expires_at }: HandedCredential,
  { apiVersion }: KubectlQuestion,
): string {
  const { certificate, private_key: key, token } = fields
  const status =
    token === undefined && certificate !== undefined && key !== undefined
      ? { clientCertificateData: certificate, clientKeyData: key }
      : { token: oneLine(fields, 'token') }
  const expirationTimestamp = new Date(expires_at).toISOString().replace(/\.\d+Z$/, 'Z')
  return `${JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { ...status, expirationTimestamp } })}\n`
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
