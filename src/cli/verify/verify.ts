import { judge, verifyBundle, type Verified } from '../../attest/verify/index.ts'
import { messageOf, MayflyError } from '../../lib/index.ts'
import { printError } from '../output.ts'
import { readVerifyPolicy, type VerifyPolicy } from './policy.ts'
import { imageNamed } from './image-name.ts'
import { openRegistry } from './registry.ts'
import { report, type Outcome } from './report.ts'
import { bundlesAtServer } from './server.ts'
import { withSummary, type SummaryOptions } from './summary.ts'
import { bundlesBesideFile, bundlesIn, digestOfFile, kindOf, type Found, type Target } from './target.ts'
import { trustInUse, type TrustInUse, type TrustNamed } from '../named-trust.ts'

export interface VerifyOptions extends TrustNamed, SummaryOptions {
  readonly bundle?: readonly string[]
  readonly policy?: string
  readonly require?: readonly string[]
  readonly junit?: string
  readonly json: boolean
}

/** What its exit code says, beside 0 for verified: for a script, not to know is another thing than to know that it is not so. */
const notVerified = 1
const cannotTell = 2

/** `mayfly verify`: whatever keeps it from an answer is no answer. */
export async function runVerify(names: readonly string[], options: VerifyOptions): Promise<number> {
  try {
    const outcomes = await verifyAll(names, options)
    report(outcomes, options)
    return exitCodeOf(outcomes)
  } catch (error) {
    printError(options.json, error)
    return cannotTell
  }
}

/** Holds artifacts against a policy, by what their attestations show to be signed. Throws what is wrong with the policy or the trust. */
export async function verifyAll(names: readonly string[], options: VerifyOptions): Promise<Outcome[]> {
  if (options.vsa !== undefined && names.length !== 1)
    throw new MayflyError('bad_input', '--vsa is about one artifact: verify them one by one')
  const policy = readVerifyPolicy(options.policy, options.require ?? [], options)
  const trust = await trustInUse(policy)
  for (const note of trust.notes) process.stderr.write(`mayfly: ${note}\n`)
  const outcomes: Outcome[] = []
  for (const name of names) {
    const outcome = await outcomeOf(name, policy, trust, options)
    outcomes.push(await withSummary(outcome, policy, trust, options))
  }
  return outcomes
}

export function exitCodeOf(outcomes: readonly Outcome[]): number {
  if (outcomes.some(({ result }) => result === 'not verified')) return notVerified
  return outcomes.some(({ result }) => result === 'unknown') ? cannotTell : 0
}

async function outcomeOf(
  name: string,
  policy: VerifyPolicy,
  trust: TrustInUse,
  options: VerifyOptions,
): Promise<Outcome> {
  const startedMs = Date.now()
  try {
    const target = await targetOf(name, policy, options)
    const found = judgeAll(target, target.bundles, policy, trust)
    const more = found.result === 'verified' ? undefined : target.more
    const all = more === undefined ? target.bundles : [...target.bundles, ...(await more())]
    const judged = more === undefined ? found : judgeAll(target, all, policy, trust)
    const texts = all.map(({ text }) => text)
    return { ...judged, name, digest: target.digest, found: texts, ms: Date.now() - startedMs }
  } catch (error) {
    if (!(error instanceof MayflyError)) throw error
    return { name, result: 'unknown', reasons: [messageOf(error)], ms: Date.now() - startedMs }
  }
}

/** Given bundles are all that counts; else what stands beside it, and then what the server has. */
async function targetOf(
  name: string,
  { server }: VerifyPolicy,
  { bundle: given = [] }: VerifyOptions,
): Promise<Target> {
  const bundles = given.flatMap(bundlesIn)
  const isGiven = given.length > 0
  const asking = (digest: string) =>
    isGiven || server === undefined ? {} : { more: () => bundlesAtServer(server, digest) }
  const kind = kindOf(name)
  if (kind === 'digest') return { name, digest: name, bundles, ...asking(name) }
  if (kind === 'file') {
    const digest = await digestOfFile(name)
    return { name, digest, bundles: isGiven ? bundles : bundlesBesideFile(name), ...asking(digest) }
  }
  const registry = openRegistry(imageNamed(name))
  const digest = await registry.digest()
  return { name, digest, bundles: isGiven ? bundles : await registry.bundles(digest), ...asking(digest) }
}

type Judged = Pick<Outcome, 'result' | 'reasons' | 'by'>

function judgeAll(
  { digest }: Target,
  found: readonly Found[],
  { demands }: VerifyPolicy,
  { roots, own }: TrustInUse,
): Judged {
  if (found.length === 0)
    return {
      result: 'not verified',
      reasons: [
        'no attestation was found: beside a file it is FILE.sigstore.json, --bundle names another, --server asks a server',
      ],
    }
  const verified: Verified[] = []
  const refused: string[] = []
  for (const { text, from } of found) {
    const checked = roots.map((root) => verifyBundle(text, root))
    const good = checked.find((one) => one.ok)
    if (good !== undefined) verified.push(good)
    else refused.push(...checked.flatMap((one) => (one.ok ? [] : [`${from}: ${one.detail} (${one.reason})`])))
  }
  const judged = judge(verified, digest, demands, { nowMs: Date.now(), own: () => own })
  return judged.ok
    ? { result: 'verified', reasons: [], by: judged.by }
    : { result: 'not verified', reasons: [...judged.missing, ...new Set(refused)] }
}
