import { z } from 'zod'

const form =
  'a host, with a port unless it is 443: deb.example.org, *.example.org or deb.example.org:8443; no https://, no path'
const anyHost = z.string().regex(/^(?:(?:\*\.)?[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/, form)
const oneHost = z
  .string()
  .regex(
    /^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?$/,
    'one host, with a port unless it is 443: nexus.corp.internal:8443',
  )

/** Hosts that every step may reach. */
export const egress = z
  .array(anyHost)
  .default([])
  .describe(
    'Public hosts that every step may reach, recorded, with no credential: `host:port`, port 443 if left out. `*.` stands for one or more labels.',
  )

/** Hosts that a role may reach beside them. */
export const roleEgress = z
  .array(
    z.union([
      anyHost,
      z.strictObject({
        host: oneHost.describe('Exactly this host and port (443 if left out); a name, or an address.'),
        private: z
          .literal(true)
          .describe('It may be at a private address; never at a loopback, link-local or metadata address.'),
      }),
    ]),
  )
  .max(200)
  .default([])
  .describe(
    'Hosts that steps in this role may reach beside `egress`: a public one as there, or `{ host: "nexus.corp.internal:443", private: true }`.',
  )

/** The entry with its port. */
export function withPort(host: string): string {
  return /:[0-9]+$/.test(host.replace(/^\[[^\]]*\]/, '')) ? host : `${host}:443`
}

export type EgressEntry = z.output<typeof roleEgress>[number]
