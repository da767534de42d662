import { isExample, textInBase64 } from '../generic/values.ts'
import { failed, heldIf, open, type Verdict } from './verdict.ts'

/** Of a password that stands where only one can: an address, a file for passwords. In base64, too, as manifests have it. */
export function checkPassword(secret: string): Verdict {
  const isNone = secret.length < 4 || isExample(secret) || isExample(textInBase64(secret) ?? '')
  return isNone ? failed : open
}

/** A user and a password in base64 (RFC 7617). Some put a token there as it is. */
export function checkBasic(secret: string): Verdict {
  const text = textInBase64(secret)
  if (text === undefined) return open
  const at = text.indexOf(':')
  const password = at === -1 ? text : text.slice(at + 1)
  return heldIf(password.length >= 4 && !isExample(password))
}
