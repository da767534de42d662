import type { HandedCredential } from '../../runner/index.ts'
import { oneLine } from './place.ts'

/** AWS SDKs and Tools Reference Guide, "Process credential provider": version 1. */
export function writeAwsAnswer({ fields, expires_at }: HandedCredential): string {
  return `${JSON.stringify({
    Version: 1,
    AccessKeyId: oneLine(fields, 'access_key_id'),
    SecretAccessKey: oneLine(fields, 'secret_access_key'),
    ...(fields['session_token'] === undefined ? {} : { SessionToken: oneLine(fields, 'session_token') }),
    Expiration: expires_at,
  })}\n`
}
