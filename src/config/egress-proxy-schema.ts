import { z } from 'zod'
import type { secretReference as SecretReference } from './secret-reference.ts'

/** A proxy of the company, through which the gateway reaches what is outside. */
export function egressProxySchema(secretReference: typeof SecretReference) {
  return z
    .strictObject({
      url: z
        .string()
        .regex(
          /^https?:\/\/(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?\/?$/,
          'http:// or https://, a host and a port: http://proxy.corp.example:3128; a user and password stand in the vault (`credential`)',
        )
        .describe(
          'Where it is. It may be at a private address. By https:// the gateway speaks TLS with it, too.',
        ),
      credential: z
        .strictObject({ basic: secretReference.describe('The secret holds `user:password`.') })
        .optional()
        .describe(
          'What the gateway shows to the proxy, and to nobody else. By http:// it passes the network in the clear, as with every such proxy.',
        ),
      ca: z
        .string()
        .optional()
        .describe(
          'Certificates to trust for an https:// proxy, beside the system’s: PEM, or the path of a .pem, .crt or .cer file, seen from mayfly.yaml.',
        ),
      no_proxy: z
        .array(
          z
            .string()
            .regex(
              /^(?:(?:\*\.)?[a-z0-9._-]+|[0-9a-f:.]+(?:\/[0-9]{1,3})?)$/,
              'a host name, *. with a domain, an address, or a network such as 10.0.0.0/8',
            ),
        )
        .max(200)
        .default([])
        .describe(
          'Hosts that are reached directly: `git.corp.example`, `*.corp.example` (one or more labels in front), an address or a network (for hosts that are written as addresses).',
        ),
      resolve: z
        .enum(['gateway', 'proxy'])
        .default('gateway')
        .describe(
          'Who asks DNS. `gateway`: it looks each name up, checks the address, and has the proxy connect to that address. `proxy`: the proxy is given the name, for networks where only it can resolve names, or that filter by name; the gateway then cannot check which address is meant, and the proxy must refuse inner ones.',
        ),
    })
    .describe(
      'A proxy (CONNECT) through which the gateway reaches connections and egress hosts. What has a `dial` address is reached directly.',
    )
}

export type EgressProxyConfig = z.output<ReturnType<typeof egressProxySchema>>
