import { createAwsClient, type CloudError } from '../../clouds/index.ts'
import type { SecretStoreConfig } from '../../config/index.ts'
import type { HttpClient } from '../../http-client/index.ts'
import { fieldOf, gone, refused, textIn, asObject, type SecretStore } from './store.ts'

type SecretsManager = Extract<SecretStoreConfig, { kind: 'aws-secrets-manager' }>
type Ssm = Extract<SecretStoreConfig, { kind: 'aws-ssm' }>

/** AWS Secrets Manager (GetSecretValue). A version is an id, or a stage such as AWSPREVIOUS. */
export function secretsManagerStore(config: SecretsManager, { http }: { http: HttpClient }): SecretStore {
  const aws = createAwsClient({ http, ...config })
  return {
    async read({ path, field, version }) {
      const which =
        version === undefined ? {} : version.length >= 32 ? { VersionId: version } : { VersionStage: version }
      const answer = await missingIs('ResourceNotFoundException', () =>
        aws.call('secretsmanager', 'secretsmanager.GetSecretValue', { SecretId: path, ...which }),
      )
      const { SecretString: text, SecretBinary: binary } = answer
      const value = typeof text === 'string' ? text : utf8(binary)
      return { value: fieldOf(value, field), version: textIn(answer, 'VersionId') }
    },
  }
}

/** AWS Systems Manager Parameter Store (GetParameter, decrypted). A version is a number or a label. */
export function ssmStore(config: Ssm, { http }: { http: HttpClient }): SecretStore {
  const aws = createAwsClient({ http, ...config })
  return {
    async read({ path, field, version }) {
      const Name = version === undefined ? path : `${path}:${version}`
      const { Parameter } = await missingIs(/^Parameter(?:Version)?NotFound$/, () =>
        aws.call('ssm', 'AmazonSSM.GetParameter', { Name, WithDecryption: true }),
      )
      const found = asObject(Parameter) ?? {}
      return { value: fieldOf(textIn(found, 'Value'), field), version: String(found['Version']) }
    },
  }
}

function utf8(binary: unknown): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(String(binary), 'base64'))
  } catch {
    throw refused('its value is not UTF-8 text')
  }
}

async function missingIs<T>(code: string | RegExp, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    const { cloudCode } = error as Partial<CloudError>
    if (cloudCode !== undefined && new RegExp(code).test(cloudCode))
      throw gone(`it has nothing there (${cloudCode}): check the path, the version and the region`)
    throw error
  }
}
