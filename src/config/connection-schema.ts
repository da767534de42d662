import { z } from 'zod'
import { kindNamed, kindNames, type KindName } from '../kinds/index.ts'
import { guid } from './azure-app-schema.ts'
import { duration } from './name-schema.ts'
import { packageRules, provenanceRules } from './package-rules-schema.ts'
import { plainUrl, streamUrl } from './plain-url.ts'
import { size } from './sandbox-schema.ts'
import { credential, deliver } from './credential-schema.ts'
import { secretReference } from './secret-reference.ts'

export const httpsUrl = plainUrl('with a `dial` address').describe(
  'Where it is, as the tools in a step name it.',
)

const target = {
  credential: credential.optional(),
  deliver: deliver.optional(),
  dial: z
    .string()
    .regex(/^(\[[0-9a-fA-F:.]+\]|[0-9.]+):[0-9]{1,5}$/, 'an IP address and a port, such as 127.0.0.1:8443')
    .optional()
    .describe(
      'The address and port to connect to instead of what DNS says, such as `10.0.0.7:443`. It names the address, so it may be private or loopback.',
    ),
  opaque: z
    .boolean()
    .optional()
    .describe(
      'Lets answers pass whose encoding the gateway does not know, though the credential might be in them. For hosts that you trust with it.',
    ),
  ca: z
    .string()
    .optional()
    .describe(
      'Certificates to trust for this host, beside the system’s: PEM, or the path of a .pem, .crt or .cer file, seen from mayfly.yaml.',
    ),
}

const atStream = {
  connect: duration
    .optional()
    .describe('Until it takes a connection: TCP, then TLS, then a proxy’s answer, each. 10s if left out.'),
  idle: duration
    .optional()
    .describe(
      'While bytes pass, either way, between one piece and the next. 10m if left out; for a kind of bytes, no limit.',
    ),
}
const timeouts = z
  .strictObject({
    ...atStream,
    first_byte: duration
      .optional()
      .describe('From a request that was sent whole until its answer begins. 10m if left out.'),
  })
  .describe('How long the host may take. What took longer is ended, and its error names the key to raise.')

const clientCertificate = z
  .strictObject({
    certificate: z
      .string()
      .describe(
        'The certificate, with those between it and its authority behind it: PEM, or the path of a .pem, .crt or .cer file, seen from mayfly.yaml.',
      ),
    key: secretReference.describe(
      'Its private key: the secret holds it in PEM, without a passphrase. Only the server opens it.',
    ),
  })
  .describe(
    'What the gateway proves itself with to a host that asks for a client certificate (mutual TLS). It is shown to this host alone, never to `storage` or `token_host`.',
  )

const hostAndPort = z
  .string()
  .regex(/^[A-Za-z0-9.-]+(?::[0-9]{1,5})?$/, 'a host, with a port unless it is 443: cdn.example.net')

const hosts = {
  storage: z
    .array(hostAndPort)
    .max(20)
    .optional()
    .describe(
      'Hosts that this one sends clients on to for files (object storage, a CDN). The gateway follows, without the credential; what comes is held against its digest.',
    ),
  token_host: hostAndPort
    .optional()
    .describe(
      'The host whose tokens this one asks for, where it is another: the credential goes there, too (`auth.docker.io` of Docker Hub; `pypi.org` of upload.pypi.org, for trusted publishing).',
    ),
}

const publishing = {
  trusted_publishing: z
    .strictObject({
      audience: z
        .string()
        .regex(/^[\x21-\x7e]{1,200}$/, 'an audience, such as npm:registry.npmjs.org or pypi')
        .describe('Whom the identity token is for, as the registry says: `npm:registry.npmjs.org`, `pypi`.'),
    })
    .optional()
    .describe(
      'Publishes with the identity of the CI job: the gateway exchanges it for the registry’s token for the one package, and the step has neither. `credential` is for all else.',
    ),
}

const settings = {
  host_keys: z
    .array(
      z
        .string()
        .max(2_000)
        .regex(
          /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]+=*$/,
          'a host key: `ssh-ed25519 AAAA...`, as ssh-keyscan writes it behind the host',
        ),
    )
    .min(1)
    .max(10)
    .optional()
    .describe(
      'The keys that the host may show: `ssh-keyscan HOST`, held against what its operators say. It has to show one of them.',
    ),
  record_input: z
    .boolean()
    .optional()
    .describe(
      'Whether recordings of sessions have what was typed, too. Off if left out: passwords are typed, and nobody can tell them from the rest.',
    ),
  database: z
    .int()
    .min(0)
    .max(99_999)
    .optional()
    .describe(
      'The number of its database, 0 if left out. Steps get no other, unless they may `redis:admin`.',
    ),
  tls: z
    .enum(['verify', 'off'])
    .optional()
    .describe(
      '`verify`: by TLS, its certificate held against the host’s name; left out, that is so for every host that is not on this machine. `off`: in the clear, for a network that nobody else is in.',
    ),
  sni: z
    .string()
    .max(253)
    .regex(/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/, 'a host name in lower case')
    .optional()
    .describe(
      'Beside `tls: verify`: the name that the host is asked for by, and that its certificate has to have; that of the URL if left out.',
    ),
  max_bytes: size
    .optional()
    .describe(
      'What may pass on one connection, each way; what sends more is cut. Without it all that comes.',
    ),
  account: z
    .string()
    .regex(/^[0-9]{12}$/, 'the twelve digits of an account, in quotes')
    .optional()
    .describe(
      'The number of the account: what a request names of another one keeps its whole ARN in grants.',
    ),
  regions: z
    .array(z.string().regex(/^[a-z]{2,5}(?:-[a-z]+)+-[0-9]{1,2}$|^auto$/, 'a region, such as eu-west-1'))
    .min(1)
    .max(40)
    .optional()
    .describe(
      'Its regions: requests go to hosts of these alone. The first is what tools take that are told none.',
    ),
  project: z
    .string()
    .regex(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/, 'the id of a project (not its number)')
    .optional()
    .describe('The id of the project: what a request names of it stands in grants without `projects/ID/`.'),
  tenant: z
    .string()
    .regex(guid, 'the id of a tenant (a GUID, in lower case)')
    .optional()
    .describe('The id of the tenant that the subscription is in, for the tools in a step.'),
  subscription: z
    .string()
    .regex(guid, 'the id of a subscription (a GUID, in lower case)')
    .optional()
    .describe(
      'The id of the subscription: grants name what is in it by resource group and name. Requests for another one are refused.',
    ),
  default_database: z
    .string()
    .min(1)
    .max(63)
    // oxlint-disable-next-line no-control-regex -- none of them is in a name
    .regex(/^[^\u0000-\u001f\u007f]+$/, 'the name of a database')
    .optional()
    .describe(
      'The database that is meant by a client that names none, as psql does without `-d` and PGDATABASE. Which ones a step may use its grants say.',
    ),
  mask: z
    .array(
      z
        .string()
        .max(600)
        .regex(
          /^(?:(?:[A-Za-z0-9_$*-]|%[0-9A-F]{2})+\.){1,2}(?:[A-Za-z0-9_$*-]|%[0-9A-F]{2})+$/,
          'a column, `users.email` or `public.users.email`, with `*` for any characters',
        ),
    )
    .min(1)
    .max(100)
    .optional()
    .describe(
      'Columns whose values steps do not see, as `TABLE.COLUMN` or `SCHEMA.TABLE.COLUMN`, with `*` for any characters (`*.ssn`): text is `masked`, all else NULL. They may be read as plain columns of a result alone (docs/deploy.md). Steps with `postgres:connect` see everything.',
    ),
  push_options: z
    .array(z.string().min(1).max(200))
    .max(100)
    .optional()
    .describe(
      'What `git push -o` may ask the server for (`ci.skip`), with `*` for any characters. A push with any other option is refused: options start what no ref names, a merge request for one.',
    ),
  push_size: size
    .optional()
    .describe('What one push may bring, as git packs it. A larger one is refused. Without it 5GiB.'),
  sumdb: z
    .string()
    .max(500)
    .regex(
      /^(?:off|[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*)$/,
      '`off`, or the verifier key of a checksum database, NAME+HASH+KEY, as GOSUMDB takes it',
    )
    .optional()
    .describe(
      'The checksum database that modules are held against which no go.sum pins, by its verifier key (as `GOSUMDB` takes it); it is read through this proxy. Without it sum.golang.org. `off`: for private modules, which no database knows; their digests are recorded as nobody’s word.',
    ),
  signature_keys: z
    .array(
      z.strictObject({
        keyid: z.string().min(1).max(200),
        key: z
          .string()
          .max(1_000)
          .regex(/^[A-Za-z0-9+/]+=*$/, 'base64 of an ECDSA key on P-256, as the registry publishes it'),
      }),
    )
    .min(1)
    .max(20)
    .optional()
    .describe(
      'The keys that the registry signs versions with, as it publishes them at `/-/npm/v1/keys`. With them its word alone is not enough where no lockfile has a digest: it must be signed by one of these.',
    ),
  snapshot: z
    .boolean()
    .optional()
    .describe(
      'It is an archive as it was at one time (snapshot.debian.org): its indexes stay valid past their Valid-Until. apt wants `Acquire::Check-Valid-Until "false"` for it, too.',
    ),
  keyring: z
    .string()
    .max(400_000)
    .optional()
    .describe(
      'The public keys that the archive signs with: OpenPGP (`gpg --armor --export`), or the path of a .asc, .gpg or .pgp file, seen from mayfly.yaml, such as /usr/share/keyrings/debian-archive-keyring.gpg. gpgv on the gateway’s machine checks by them.',
    ),
}

const [first, ...others] = kindNames.map(schemaOf)
if (first === undefined) throw new Error('there is no kind of connection')

export const connectionSchema = z.discriminatedUnion('kind', [first, ...others])

function schemaOf(kind: KindName) {
  const {
    transport,
    about,
    hosts: named = [],
    settings: further = [],
    needs = [],
    ecosystem,
    attests,
    publisherVariable,
    port,
    url: usual,
    clientCertificate: isAsked,
  } = kindNamed(kind)
  const written =
    transport === 'http'
      ? httpsUrl
      : streamUrl(
          kind,
          port,
          further.find((key) => /^(?:default_)?database$/.test(key)),
        )
  // It is `string` either way once it is read.
  const url = (usual === undefined ? written : written.default(usual)) as typeof written
  // What a kind does not take is an unknown key there.
  const beside = Object.fromEntries(named.map((key) => [key, hosts[key]])) as typeof hosts
  // Of a stream the TLS, and when an answer begins, is the step's own.
  const asked = { client_certificate: clientCertificate.optional(), timeouts: timeouts.optional() }
  const proof = (
    transport === 'http'
      ? asked
      : {
          ...(isAsked === true ? { client_certificate: asked.client_certificate } : {}),
          timeouts: z
            .strictObject(atStream)
            .describe(timeouts.description ?? '')
            .optional(),
        }
  ) as typeof asked
  const own = Object.fromEntries(
    further.map((key) => [key, needs.some((one) => one === key) ? settings[key].unwrap() : settings[key]]),
  ) as typeof settings
  const rules = {
    ...(ecosystem === undefined ? {} : packageRules),
    ...(attests === undefined ? {} : provenanceRules),
    ...(publisherVariable === undefined ? {} : publishing),
  } as typeof packageRules & typeof provenanceRules & typeof publishing
  return z
    .strictObject({ kind: z.literal(kind), url, ...target, ...proof, ...beside, ...own, ...rules })
    .describe(about)
}
