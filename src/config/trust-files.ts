import { parseDocument } from 'yaml'
import { limits } from '../lib/index.ts'
import type { PolicyDocument } from './policy-schema.ts'

/** What a setting may name a file of; by its ending nothing else of the machine can be meant. */
const kinds = {
  ca: {
    what: 'a certificate',
    path: /^[^\0\r\n]{1,200}\.(?:pem|crt|cer)$/,
    block: /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g,
    lacks: 'it holds no certificate in PEM (-----BEGIN CERTIFICATE-----)',
  },
  keyring: {
    what: 'a keyring',
    path: /^[^\0\r\n]{1,200}\.(?:asc|gpg|pgp)$/,
    block: /-----BEGIN PGP PUBLIC KEY BLOCK-----(?:(?!-----)[^])+-----END PGP PUBLIC KEY BLOCK-----/g,
    lacks: 'it holds no OpenPGP public key (gpg --armor --export KEY writes one)',
  },
} as const

type Kind = keyof typeof kinds
const kindNames = Object.keys(kinds) as Kind[]

/** A file that mayfly.yaml names. */
export interface TrustFile {
  readonly kind: Kind
  /** As people call it: `a certificate`. */
  readonly what: string
  readonly path: string
  /** How a bundle names it, beside `policies/...`: `ca:certs/corp.pem`. */
  readonly key: string
}

function fileOf(kind: Kind, path: unknown): TrustFile[] {
  return typeof path === 'string' && kinds[kind].path.test(path)
    ? [{ kind, path, what: kinds[kind].what, key: `${kind}:${path}` }]
    : []
}

export function isTrustKey(name: string): boolean {
  return kindNames.some(
    (kind) => name.startsWith(`${kind}:`) && fileOf(kind, name.slice(kind.length + 1)).length > 0,
  )
}

/** The files of connections, and of `egress_proxy`, in this mayfly.yaml; none if it cannot be read, which others tell. */
export function trustFilesOf(policy: string): TrustFile[] {
  if (Buffer.byteLength(policy) > limits.policyBytes) return []
  try {
    const { connections, egress_proxy: proxy } = parseDocument(policy, { version: '1.2' }).toJS({
      maxAliasCount: 0,
    }) as {
      egress_proxy?: { ca?: unknown } | null
      connections?: Record<
        string,
        { ca?: unknown; keyring?: unknown; client_certificate?: { certificate?: unknown } | null } | null
      >
    }
    const found = Object.values(connections ?? {}).flatMap((one) => [
      ...fileOf('ca', one?.ca),
      ...fileOf('ca', one?.client_certificate?.certificate),
      ...fileOf('keyring', one?.keyring),
    ])
    return [...new Map([...fileOf('ca', proxy?.ca), ...found].map((one) => [one.key, one])).values()]
  } catch {
    return []
  }
}

/**
 * What of the file is meant, as text, and nothing else of it: a private key that lies beside stays where it is. Why it is of no
 * use, if it holds none.
 */
export function trustIn({ kind }: TrustFile, bytes: Buffer): { text: string } | { lacks: string } {
  const { block, lacks } = kinds[kind]
  const text = kind === 'keyring' && isKeyPacket(bytes[0]) ? armoured(bytes) : bytes.toString('utf8')
  const found = (text.match(block) ?? []).map((one) => `${one}\n`).join('')
  return found === '' ? { lacks } : { text: found }
}

/** The document with each path replaced by what came with it; one that did not come stays a path. */
export function withTrustFiles(
  document: PolicyDocument,
  files: Readonly<Record<string, string>>,
): PolicyDocument {
  const given = (kind: Kind, named: string) => {
    const key = `${kind}:${named}`
    return Object.hasOwn(files, key) ? files[key] : named
  }
  const connections = Object.entries(document.connections).map(([name, one]) => {
    const { ca, client_certificate: client } = one
    const keyring = 'keyring' in one ? one.keyring : undefined
    return [
      name,
      {
        ...one,
        ...(ca === undefined ? {} : { ca: given('ca', ca) }),
        ...(keyring === undefined ? {} : { keyring: given('keyring', keyring) }),
        ...(client === undefined
          ? {}
          : { client_certificate: { ...client, certificate: given('ca', client.certificate) } }),
      },
    ]
  })
  const { egress_proxy: proxy } = document
  return {
    ...document,
    ...(proxy?.ca === undefined ? {} : { egress_proxy: { ...proxy, ca: given('ca', proxy.ca) } }),
    connections: Object.fromEntries(connections) as PolicyDocument['connections'],
  }
}

/** A public key in either form of packet (RFC 9580, section 4.2): how keyrings lie in /usr/share/keyrings. */
function isKeyPacket(first: number | undefined): boolean {
  return first === 0xc6 || first === 0x98 || first === 0x99 || first === 0x9a
}

function armoured(bytes: Buffer): string {
  const [head, end] = ['BEGIN', 'END'].map((word) => `-----${word} PGP PUBLIC KEY BLOCK-----`)
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return [head, '', ...lines, end, ''].join('\n')
}
