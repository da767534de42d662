import { z } from 'zod'

const format = z
  .enum(['cloudevents', 'ocsf', 'ndjson'])
  .default('cloudevents')
  .describe('How an entry is written: as it stands in the log, as an OCSF event, or flat.')

const file = z.string().min(1)

const syslog = z
  .strictObject({
    kind: z.literal('syslog'),
    host: z.string().min(1),
    port: z.int().min(1).max(65_535).default(6514),
    ca: file.optional().describe('A file of PEM certificates to trust instead of the system’s.'),
    certificate: file.optional().describe('A file with our certificate, where the server asks for one.'),
    key: file.optional().describe('A file with its private key.'),
    format,
  })
  .describe('RFC 5424 over TLS (RFC 5425).')

const webhook = z
  .strictObject({
    kind: z.literal('webhook'),
    url: z
      .string()
      .refine(
        (text) =>
          URL.canParse(text) &&
          (text.startsWith('https://') || /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)[:/]/.test(text)),
        'an https:// URL (http:// on this machine only)',
      ),
    key: file.describe('A file that holds `whsec_` and the key of Standard Webhooks.'),
    ca: file.optional().describe('A file of PEM certificates to trust instead of the system’s.'),
    format,
  })
  .describe('One signed POST for each entry (Standard Webhooks).')

const localFile = z
  .strictObject({ kind: z.literal('file'), path: file, format })
  .describe('A line of JSON for each entry, appended and synced.')

/** `mayfly up --forward FILE`: where every entry of the audit log is pushed to. */
export const forwardSchema = z.strictObject({
  sinks: z
    .record(
      z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'a name has lower-case letters, digits and hyphens'),
      z.discriminatedUnion('kind', [syslog, webhook, localFile]),
    )
    .refine((sinks) => Object.keys(sinks).length > 0, 'name at least one sink'),
})

export type ForwardDocument = z.output<typeof forwardSchema>
export type SinkConfig = ForwardDocument['sinks'][string]
