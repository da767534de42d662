import { trustAttributes, type IssuerConfig, type PolicyDocument } from '../config/index.ts'
import { describeJob, normalise } from '../identity/index.ts'
import { impossible, type DescribedJob, type IssuerFacts, type JobReading } from '../policy/index.ts'

interface Known {
  readonly document: PolicyDocument
  readonly issuers: ReadonlyMap<string, IssuerFacts>
}

/**
 * A job as somebody describes it, read as its issuer's verified token would be. `identity` is in the words of `trust`
 * and goes before `claims`, which are the CI's own. Nothing of it is verified.
 */
export function jobOf({ document, issuers }: Known, issuer: string, job: DescribedJob): JobReading {
  const config = configOf(document, issuer)
  const facts = issuers.get(issuer)
  const { claims = {}, identity = {} } = job
  if (config === undefined || facts === undefined)
    return { kind: 'job', subject: { issuer, attributes: { ...identity }, claims } }
  const described = describeJob(claims, { name: issuer, config })
  if (!described.ok) return { kind: 'impossible', why: described.detail }
  for (const [claim, value] of Object.entries(identity)) {
    const why = value === undefined ? undefined : impossible(facts, { claim, raw: false }, value)
    if (why !== undefined) return { kind: 'impossible', why }
  }
  const attributes = { ...described.attributes, ...identity }
  const subject = { issuer, attributes, claims }
  const other = Object.entries(facts.fixed).find(
    ([name, only]) =>
      attributes[name as keyof typeof attributes] !== undefined &&
      attributes[name as keyof typeof attributes] !== only,
  )
  if (other === undefined) return { kind: 'job', subject }
  const [name, only] = other
  const got = attributes[name as keyof typeof attributes]
  const why = `issuer "${issuer}" lets in ${name} ${only} only, and the job has ${got}: its token is refused`
  return { kind: 'refused', why, subject }
}

/** The job of a token, with the answer that the server would give to it, but for its signature, times and audience. */
export function jobOfToken(
  known: Known,
  issuer: string,
  payload: Readonly<Record<string, unknown>>,
): JobReading {
  const config = configOf(known.document, issuer)
  if (config === undefined) return { kind: 'impossible', why: `there is no issuer "${issuer}"` }
  const read = normalise(payload, Buffer.from(JSON.stringify(payload)), { name: issuer, config })
  if (read.ok) return { kind: 'job', subject: read.identity }
  const why = `its token is refused: ${read.detail}`
  return read.job === undefined ? { kind: 'impossible', why } : { kind: 'refused', why, subject: read.job }
}

/**
 * Sorts what somebody typed as NAME=VALUE: in the words of `trust`, or by the CI's own names. Where the two are called
 * alike (GitLab's `ref` is `main`, ours `refs/heads/main`), the value tells.
 */
export function sortClaims(
  { issuers }: Known,
  issuer: string,
  typed: readonly (readonly [string, string])[],
): Required<DescribedJob> {
  const facts = issuers.get(issuer)
  const isOwn = ([claim, value]: readonly [string, string]) =>
    !trustAttributes.has(claim) ||
    (facts?.derived.includes(claim) === true && impossible(facts, { claim, raw: false }, value) !== undefined)
  return {
    claims: Object.fromEntries(typed.filter(isOwn)),
    identity: Object.fromEntries(typed.filter((one) => !isOwn(one))),
  }
}

function configOf(document: PolicyDocument, issuer: string): IssuerConfig | undefined {
  return Object.hasOwn(document.issuers, issuer) ? document.issuers[issuer] : undefined
}
