import { MayflyError } from '../lib/index.ts'
import { trustAttributes } from '../config/index.ts'
import {
  connectionKinds,
  explain,
  explanationLines,
  parseOperation,
  type Explanation,
  type Operation,
  type TrustSubject,
} from '../policy/index.ts'
import { subjectOf, type CompiledDocument } from '../rules/index.ts'
import { readText } from './apply.ts'
import { exitCodes, print } from './output.ts'
import { policyOf } from './policy-input.ts'
import { findRefusal } from './policy-past.ts'
import { visible } from './story.ts'

interface Options {
  token?: string
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
  readonly role?: string
  readonly operations: readonly Operation[]
}

export async function explainDenial(request: string | undefined, options: Options): Promise<number> {
  const compiled = await policyOf(options)
  const asked = request === undefined ? askedByHand(compiled, options) : await findRefusal(request, options)
  const { subject, role, operations } = asked
  const questions = operations.length === 0 ? [undefined] : operations
  const explanations = questions.map((operation) =>
    explain(compiled.policy, subject, {
      ...(role === undefined ? {} : { role }),
      ...(operation === undefined ? {} : { operation }),
    }),
  )
  const shutOut = shutOutBy(compiled, subject)
  const by = options.file ?? 'the policy that is in force now'
  print(options.json, { subject, explanations, ...(shutOut === undefined ? {} : { shutOut }) }, [
    ...(request === undefined ? [] : [`${request}, by ${by}:`]),
    ...(shutOut === undefined ? [] : [visible(shutOut)]),
    ...explanations.flatMap(explanationLines).map(visible),
  ])
  return shutOut === undefined && explanations.every(isYes) ? exitCodes.ok : exitCodes.refused
}

/** Why no role is even asked: the issuer is limited to another owner, so the token itself is refused. */
function shutOutBy({ issuers }: CompiledDocument, { issuer, attributes }: TrustSubject): string | undefined {
  const fixed = Object.entries(issuers.get(issuer)?.fixed ?? {})
  const other = fixed.find(([claim, value]) => attributes[claim] !== undefined && attributes[claim] !== value)
  if (other === undefined) return undefined
  const [claim, value] = other
  return `issuer "${issuer}" lets in ${claim} ${value} only, and the job has ${attributes[claim]}: its token is refused`
}

function isYes({ role, operation }: Explanation): boolean {
  return role?.allow === true && operation?.allow !== false
}

function askedByHand(compiled: CompiledDocument, options: Options): Asked {
  const { document } = compiled
  const claims = options.token === undefined ? {} : tokenClaims(options.token)
  const issuer = options.issuer ?? issuerOf(compiled, claims['iss'])
  if (!Object.hasOwn(document.issuers, issuer))
    throw new MayflyError(
      'bad_input',
      `there is no issuer "${issuer}"; known are ${Object.keys(document.issuers).join(', ')}`,
    )
  const typed = (options.claim ?? []).map(parseClaim)
  if (options.token === undefined && typed.length === 0)
    throw new MayflyError('bad_input', 'say which job: a request id, --token FILE or --claim NAME=VALUE')
  const identity = typed.filter(([name]) => trustAttributes.has(name))
  const raw = typed.filter(([name]) => !trustAttributes.has(name))
  const subject = subjectOf(document, issuer, {
    claims: { ...claims, ...Object.fromEntries(raw) },
    identity: Object.fromEntries(identity),
  })
  const operation =
    options.operation === undefined ? undefined : parseOperation(options.operation, connectionKinds(document))
  if (typeof operation === 'string') throw new MayflyError('bad_input', operation)
  return {
    subject,
    ...(options.role === undefined ? {} : { role: options.role }),
    operations: operation === undefined ? [] : [operation],
  }
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
function tokenClaims(file: string): Record<string, string> {
  const payload = readText(file).trim().split('.')[1]
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString('utf8'))
    if (typeof claims !== 'object' || claims === null) throw new TypeError('its payload is no object')
    const plain = Object.entries(claims).filter(([, value]) =>
      ['string', 'number', 'boolean'].includes(typeof value),
    )
    return Object.fromEntries(plain.map(([name, value]) => [name, String(value)]))
  } catch (cause) {
    throw new MayflyError('bad_input', `${file} holds no token: header.payload.signature`, { cause })
  }
}
