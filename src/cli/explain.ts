import { text } from 'node:stream/consumers'
import { MayflyError } from '../lib/index.ts'
import {
  connectionKinds,
  explain,
  explanationLines,
  parseOperation,
  type Explanation,
  type JobReading,
  type Operation,
  type TrustSubject,
} from '../policy/index.ts'
import {
  explainEgress,
  jobOf,
  jobOfToken,
  parseEgress,
  sortClaims,
  type CompiledDocument,
} from '../rules/index.ts'
import { readText } from './text-file.ts'
import { exitCodes, print } from './output.ts'
import { policyOf } from './policy-input.ts'
import { findRefusal } from './policy-past.ts'
import { tellEntry, visible, type LogEntry } from './story.ts'

interface Options {
  idToken?: string
  claim?: string[]
  issuer?: string
  role?: string
  operation?: string
  file?: string
  folder?: string
  data?: string
  server?: string
  json: boolean
}

/** What is to be explained: a job, and what it asked for. */
interface Asked {
  readonly subject: TrustSubject
  /** Why no role is even asked: the token itself is refused. */
  readonly shutOut?: string
  readonly role?: string
  readonly operations: readonly Operation[]
  /** A host that a step in the role would reach. */
  readonly egress?: { readonly host: string; readonly port: number }
}

export async function explainDenial(request: string | undefined, options: Options): Promise<number> {
  const compiled = await policyOf(options)
  const asked: Asked | { entry: LogEntry } =
    request === undefined ? await askedByHand(compiled, options) : await findRefusal(request, options)
  if ('entry' in asked) return tellRefusal(asked.entry, options)
  const { subject, shutOut, role, operations, egress } = asked
  const questions = operations.length === 0 ? [undefined] : operations
  const explanations = questions.map((operation): Explanation => {
    const explained = explain(compiled.policy, subject, {
      ...(role === undefined ? {} : { role }),
      ...(operation === undefined ? {} : { operation }),
    })
    if (egress === undefined || explained.role === undefined) return explained
    return { ...explained, operation: explainEgress(compiled, explained.role.role, egress) }
  })
  const by = options.file ?? 'the policy that is in force now'
  print(options.json, { subject, explanations, ...(shutOut === undefined ? {} : { shutOut }) }, [
    ...(request === undefined ? [] : [`${request}, by ${by}:`]),
    ...(shutOut === undefined ? [] : [visible(shutOut)]),
    ...explanations.flatMap(explanationLines).map(visible),
  ])
  return shutOut === undefined && explanations.every(isYes) ? exitCodes.ok : exitCodes.refused
}

/** What no policy decided stands in its entry, with the reason and what to do. */
function tellRefusal(entry: LogEntry, { json }: Options): number {
  print(json, { entry }, tellEntry(entry, 'many'))
  return exitCodes.refused
}

function isYes({ role, operation }: Explanation): boolean {
  return role?.allow === true && operation?.allow !== false
}

async function askedByHand(compiled: CompiledDocument, options: Options): Promise<Asked> {
  const { document } = compiled
  const claims = options.idToken === undefined ? undefined : await tokenClaims(options.idToken)
  const iss = claims?.['iss']
  const issuer = options.issuer ?? issuerOf(compiled, typeof iss === 'string' ? iss : undefined)
  if (!Object.hasOwn(document.issuers, issuer))
    throw new MayflyError(
      'bad_input',
      `there is no issuer "${issuer}"; known are ${Object.keys(document.issuers).join(', ')}`,
    )
  const typed = (options.claim ?? []).map(parseClaim)
  if (options.idToken === undefined && typed.length === 0)
    throw new MayflyError('bad_input', 'say which job: a request id, --id-token FILE or --claim NAME=VALUE')
  const job = readJob(compiled, issuer, claims, typed)
  if (job.kind === 'impossible') throw new MayflyError('bad_input', `there is no such job: ${job.why}`)
  const egress = options.operation === undefined ? undefined : parseEgress(options.operation)
  if (typeof egress === 'string') throw new MayflyError('bad_input', egress)
  const operation =
    options.operation === undefined || egress !== undefined
      ? undefined
      : parseOperation(options.operation, connectionKinds(document))
  if (typeof operation === 'string') throw new MayflyError('bad_input', operation)
  return {
    subject: job.subject,
    ...(job.kind === 'refused' ? { shutOut: job.why } : {}),
    ...(options.role === undefined ? {} : { role: options.role }),
    operations: operation === undefined ? [] : [operation],
    ...(egress === undefined ? {} : { egress }),
  }
}

/** A token as the server reads it; what was typed beside it replaces what it says. */
function readJob(
  compiled: CompiledDocument,
  issuer: string,
  token: Readonly<Record<string, unknown>> | undefined,
  typed: readonly [string, string][],
): JobReading {
  const { claims = {}, identity = {} } = sortClaims(compiled, issuer, typed)
  if (token === undefined) return jobOf(compiled, issuer, { claims, identity })
  const job = jobOfToken(compiled, issuer, { ...token, ...claims })
  if (job.kind === 'impossible' || Object.keys(identity).length === 0) return job
  const changed = jobOf(compiled, issuer, { identity: { ...job.subject.attributes, ...identity } })
  if (changed.kind === 'impossible') return changed
  const subject = { ...job.subject, attributes: changed.subject.attributes }
  return job.kind === 'refused' ? { ...job, subject } : { ...changed, subject }
}

function issuerOf({ document }: CompiledDocument, url: string | undefined): string {
  const names = Object.keys(document.issuers)
  const found = url === undefined ? undefined : names.find((name) => document.issuers[name]?.url === url)
  if (found !== undefined) return found
  if (url === undefined && names.length === 1) return names[0] ?? ''
  throw new MayflyError(
    'bad_input',
    url === undefined
      ? `say which issuer: --issuer ${names.join(' or ')}`
      : `iss ${JSON.stringify(url)} is not under issuers: give --issuer`,
  )
}

function parseClaim(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new MayflyError('bad_input', `--claim ${text}: write NAME=VALUE`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** The claims of a token, unverified: it decides nothing here. */
async function tokenClaims(file: string): Promise<Record<string, unknown>> {
  // The token itself in place of a file would stand in the message.
  if (/^ey[\w-]+\.[\w-]+\./.test(file))
    throw new MayflyError(
      'bad_input',
      '--id-token takes a file that holds the token, not the token itself; - is standard input',
    )
  const token = file === '-' ? await text(process.stdin) : readText(file)
  const payload = token.trim().split('.')[1]
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString('utf8'))
    if (typeof claims !== 'object' || claims === null) throw new TypeError('its payload is no object')
    return claims as Record<string, unknown>
  } catch (cause) {
    throw new MayflyError('bad_input', `${file} holds no token: header.payload.signature`, { cause })
  }
}
