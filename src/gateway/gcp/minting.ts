import type { Called } from './called.ts'

/** Services and resources whose answers are credentials that outlive the step, or open something else. */
const minting: readonly RegExp[] = [
  /^(?:iamcredentials|sts|oauth2|securetoken|identitytoolkit|cloudshell|oslogin|apikeys|publicca)[.:]/,
  /^iam\.(?:keys\.(?:create|upload)|serviceAccounts\.(?:signBlob|signJwt))$/,
  /^iam:.*keys/i,
  /^sqladmin:.*(?:ephemeral|sslcerts)/i,
  /^storage:.*hmackeys/i,
  /^memcache:.*password/i,
  /^compute:.*(?:resetwindowspassword|setwindows|getmacsecconfig)/i,
  /^iap:.*identityawareproxyclients/i,
  /^(?:redis|memorystore):.*auth_?tokens/i,
  /^generativelanguage:.*auth_?tokens/i,
  /^(?:firebaseappcheck):.*(?:exchange|debugtokens)/i,
  /^integrations:.*authconfigs/i,
]

/**
 * Methods of any service, as the discovery documents call them: cloudbuild accessReadWriteToken, developerconnect fetchReadToken,
 * alloydb generateClientCertificate, cloudfunctions generateUploadUrl, vmwareengine showVcenterCredentials, oracledatabase
 * generateWallet, edgecontainer generateOfflineCredential, domains retrieveAuthorizationCode, ...
 */
const method =
  /^(?:access|acquire|create|exchange|fetch|finish|generate|get|issue|load|mint|refresh|reset|retrieve|show|sign|start)[a-z]*(?:tokens?|oauth|credentials?|cert|certificates?|secrets?|secretkey|passwords?|authstring|authinfo|authcode|authorizationcode|uploadurl|downloadurl|signedurl|wallet|jwt|blob|idtoken|sshscript)$/i
const methods = /^(?:signblob|signjwt|clientinfo|resetsecret|createephemeral)$/i

/** No grant opens these. */
export function mintingOf(all: readonly Called[]): string | undefined {
  const found = all.find(({ permission, resource }) => {
    // An own method stands behind a colon; of older services it is the last part of the path.
    const last = (permission.includes(':') ? resource : permission)
      .split(/[.:/?]|%3A|%2F/i)
      .findLast((one) => one !== '')
    return (
      minting.some((one) => one.test(permission) || one.test(`${permission} ${resource}`)) ||
      method.test(last ?? '') ||
      methods.test(last ?? '')
    )
  })
  return found === undefined
    ? undefined
    : `the answer to ${found.permission} would be a credential, which no step may hold: let an operator make it, and name it as a credential of a connection`
}
