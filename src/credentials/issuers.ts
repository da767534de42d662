import { MayflyError } from '../lib/index.ts'
import type { IssuerName } from '../kinds/index.ts'
import { awsRole } from './aws-role.ts'
import { azureApp } from './azure-app.ts'
import { gcpServiceAccount } from './gcp-service-account.ts'
import { githubApp } from './github-app.ts'
import { gitlabToken } from './gitlab-token.ts'
import { httpIssuer } from './http-issuer.ts'
import type { CredentialIssuer } from './issuer.ts'
import { oauthClient } from './oauth-client.ts'
import { registryToken } from './registry-token.ts'
import { kubernetesToken } from './kubernetes-token.ts'
import { mysqlRole } from './mysql-role/index.ts'
import { postgresRole } from './postgres-role/index.ts'
import { sshCertificate } from './ssh-certificate/index.ts'

const issuers: { readonly [Name in IssuerName]?: CredentialIssuer<Name> } = {
  'github-app': githubApp,
  'gitlab-token': gitlabToken,
  'http-issuer': httpIssuer,
  'oauth-client': oauthClient,
  'registry-token': registryToken,
  'mysql-role': mysqlRole,
  'postgres-role': postgresRole,
  'ssh-certificate': sshCertificate,
  'aws-role': awsRole,
  'kubernetes-token': kubernetesToken,
  'gcp-service-account': gcpServiceAccount,
  'azure-app': azureApp,
}

/** Throws `config_invalid` for one that this version does not have. */
export function issuerNamed<Name extends IssuerName>(name: Name): CredentialIssuer<Name> {
  const issuer = issuers[name]
  if (issuer === undefined) throw new MayflyError('config_invalid', `there is no credential issuer ${name}`)
  return issuer
}
