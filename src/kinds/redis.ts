import { formOf } from '../lib/index.ts'
import { maxPathChars } from './bounds.ts'
import type { Kind } from './kind.ts'

const key = formOf({
  rule: 'a key or channel, with each byte that is a space, `*`, `%`, a control character or not ASCII as `%20`',
  is: (name) => name.length <= maxPathChars && /^(?:[!-$&-)+-~]|%[0-9A-F]{2})*$/.test(name),
  fillers: ['x', '', '0', '00', '%', '%0'],
})

/**
 * Of the commands that no kind of key tells (redis.io/docs/latest/commands) only what reads or changes one is granted by key;
 * the rest, scripts among it, since they reach whatever they like, is `redis:admin`.
 */
export const redis = {
  about:
    'Redis, Valkey and their like: `redis://cache.internal:6379`. Grants name keys: `redis:write cache/session:*`.',
  transport: 'stream',
  port: 6379,
  path: { form: key, noun: 'key', example: 'session:*' },
  settings: ['tls', 'database'],
  credentials: ['basic', 'http-issuer'],
  actions: {
    'redis:read': { path: 'required', ref: 'none', write: false },
    'redis:write': { path: 'required', ref: 'none', write: true, includes: ['redis:read'] },
    // Which keys there are: SCAN, KEYS, DBSIZE.
    'redis:list': { path: 'none', ref: 'none', write: false },
    'redis:subscribe': { path: 'required', ref: 'none', write: false },
    'redis:publish': { path: 'required', ref: 'none', write: true },
    'redis:admin': { path: 'none', ref: 'none', write: true },
  },
} as const satisfies Kind

/** A key's bytes as grants and entries have them. One that is too long for a grant stays so, however long it is. */
export function redisPath(bytes: Buffer): string {
  let text = ''
  for (const byte of bytes.subarray(0, maxPathChars + 1))
    text +=
      byte > 0x20 && byte < 0x7f && byte !== 0x25 && byte !== 0x2a
        ? String.fromCodePoint(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  return text
}
