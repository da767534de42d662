import { createHmac } from 'node:crypto'
import { MayflyError } from './errors.ts'
import type { Secret } from './secret.ts'

/** Standard Webhooks 1.0, "Webhook Metadata" and "Signature scheme": HMAC-SHA256 over `id.timestamp.body`. */
export function signatureHeaders(signed: {
  id: string
  nowMs: number
  body: string
  key: Uint8Array
}): Record<string, string> {
  const timestamp = String(Math.floor(signed.nowMs / 1000))
  const content = `${signed.id}.${timestamp}.${signed.body}`
  const signature = createHmac('sha256', signed.key).update(content).digest('base64')
  return { 'webhook-id': signed.id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}

/** The bytes of such a key. Throws `config_invalid` unless it is `whsec_` and 24 to 64 bytes ("Signature scheme"). */
export function webhookKey(secret: Secret<string>): Uint8Array {
  const text = secret.reveal().trim()
  const key = text.startsWith('whsec_') ? Buffer.from(text.slice('whsec_'.length), 'base64') : undefined
  if (key === undefined || key.length < 24 || key.length > 64)
    throw new MayflyError('config_invalid', 'a webhook’s key is `whsec_` and 24 to 64 bytes in base64')
  return key
}
