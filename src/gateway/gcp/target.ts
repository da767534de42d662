import { readTarget as read, type Pair, type Target } from '../raw-target.ts'

export { valuesOf, writeTarget, type Target } from '../raw-target.ts'

export function readTarget(rawPath: string, rawQuery: string): Target | string {
  const target = read(rawPath, rawQuery)
  return typeof target === 'string' ? target : (forbidden(target.query) ?? target)
}

/**
 * Parameters by which Google's APIs take a credential, a signature, or another request than the one that is seen (Cloud APIs,
 * "System parameters"; Cloud Storage, "Signed URLs").
 */
const credentials =
  /^(?:access_token|oauth_token|bearer_token|key|api_key|signature|googleaccessid|expires|awsaccesskeyid|x-(?:goog|amz)-(?:algorithm|credential|date|expires|signature|signedheaders|security-token))$/i
const another =
  /^(?:upload_protocol|callback|method|_method|httpmethod|x-http-method-override|\$(?!alt$|\.xgafv$|prettyprint$|fields$).*)$/i

function forbidden(query: readonly Pair[]): string | undefined {
  const signed = query.find(([name]) => credentials.test(name))
  if (signed !== undefined)
    return `its query has "${signed[0].slice(0, 60)}": a signed URL and a key in a query are not passed on, the gateway adds the credential`
  const odd = query.find(([name]) => another.test(name))
  return odd === undefined
    ? undefined
    : `its query has "${odd[0].slice(0, 60)}", by which it could be another request than it seems`
}
