import { formOf } from '../lib/index.ts'
import type { Kind } from './kind.ts'

const nothing = formOf({
  rule: 'left out: such a connection is granted as a whole',
  is: (name) => name === '',
  fillers: [''],
})

export const tcp = {
  about:
    'Any other protocol, as bytes, without a credential: `tcp://redis.internal:6379`; with `tls: verify` the gateway ends the client’s TLS and begins its own.',
  transport: 'stream',
  settings: ['tls', 'sni', 'max_bytes'],
  clientCertificate: true,
  path: { form: nothing, noun: 'nothing', example: '' },
  credentials: ['postgres-role', 'mysql-role', 'ssh-certificate', 'http-issuer'],
  actions: { 'tcp:connect': { path: 'none', ref: 'none', write: true } },
} as const satisfies Kind
