import {
  azureIdentity,
  createAwsClient,
  createAzureClient,
  createGcpClient,
  type AwsClient,
  type RestClient,
} from '../clouds/index.ts'
import type { HttpClient } from '../http-client/index.ts'
import { secretIn, textIn } from './files.ts'
import { createTransitClient, type TransitClient } from './transit.ts'

interface Reached {
  /** A file of PEM certificates. */
  readonly ca?: string | undefined
}

type TransitConfig = Reached & {
  readonly url: string
  readonly namespace?: string | undefined
  readonly auth:
    | { readonly token_file: string }
    | { readonly jwt_file: string; readonly role: string; readonly mount: string }
}

/** Clients of key services, as the server's own configuration says how they are reached. */
export interface KeyServiceClients {
  aws(config: Reached & { region: string; endpoint?: string | undefined }): AwsClient
  gcp(config: Reached & { credentials?: string | undefined }): RestClient
  azure(config: Reached): RestClient
  transit(config: TransitConfig): TransitClient
}

export function keyServiceClients({
  http,
  variables,
}: {
  http: HttpClient
  /** Of this process: who it is in Azure. */
  variables: Readonly<Record<string, string>>
}): KeyServiceClients {
  return {
    aws: ({ region, endpoint, ca }) => createAwsClient({ http, region, endpoint, ca: pem(ca) }),
    gcp: ({ credentials: keyFile, ca }) => createGcpClient({ http, keyFile, ca: pem(ca) }),
    azure: ({ ca }) => createAzureClient({ http, identity: azureIdentity(variables), ca: pem(ca) }),
    transit: ({ url, namespace, auth, ca }) =>
      createTransitClient({
        ...{ http, url, namespace, ca: pem(ca) },
        auth:
          'token_file' in auth
            ? { token: () => secretIn(auth.token_file) }
            : { jwt: () => secretIn(auth.jwt_file), role: auth.role, mount: auth.mount },
      }),
  }
}

function pem(file: string | undefined): string | undefined {
  return file === undefined ? undefined : textIn(file)
}
